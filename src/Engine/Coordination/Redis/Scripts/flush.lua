-- Applies a numbered batch of an incarnation's lane, once.
-- KEYS 1 m  2 l  3 t  4 o of the incarnation  5 r  6 d  7 x  8 y  9 b
--      with references also  10 s  11 q
-- ARGV 1 seen  2 incarnation  3 its time of issue  4 number  5 hash  6 layout and terms, with references then claim lease and holder  7 schema  8 number of items, bytes of a value of a compact item, then names, each behind its length
--      9 items, each: flags (128: compact, see keep.lua), then length of the delta, delta
local expected, lease, linger, hard, gap, life, open_limit, letter_limit = up('<c8I7I7I7I7I7I4I4', ARGV[6])
local id, number = ARGV[2], tonumber(ARGV[4])
local known = call('HMGET', KEYS[1], '#', id)

-- A reference alone opens a generation, and the item that lets go last seals it and claims it at once: only there, and only of records without large fields.
local claim_lease = KEYS[10] and up('<I7', ARGV[6], 52)

local function answer(status, last, outcomes, crowded, claims)
  return {status, last, outcomes, now, clock, first(KEYS[6]), crowded, claims}
end

-- A copy of the last batch is told what the first was told, with the claims that nobody has taken over: its reply may be the only one that arrives.
local function again(status, last, hash, outcomes)
  if not claim_lease or number ~= last or hash ~= ARGV[5] then return answer(status, last, outcomes) end
  local resources, claims, at = {up('<' .. rep('Hc0', up('<H', ARGV[8])), ARGV[8], 4)}, {}, 1
  while at <= #outcomes do
    local index, outcome = up('<I4B', outcomes, at)
    at = at + 5
    if outcome == 4 then
      local sealed = call('HGET', KEYS[10], resources[index + 1])
      if sealed and sub(sealed, 1, 14) == sub(outcomes, at, at + 13) and byte(sealed, 33) % 2 == 0 then
        claims[#claims + 1] = index
        claims[#claims + 1] = sealed
      end
      at = at + 14
    end
  end
  return answer(status, last, outcomes, '', claims)
end

-- Also the dead may have had a double, which must not take the batch that was applied for its own.
local function fenced(tomb)
  local last, hash = up('<I7c8', tomb)
  return again((number == last and hash ~= ARGV[5]) and 5 or 2, last, hash, sub(tomb, 27))
end

read_meta(known[1], '0')
if known[1] and layout ~= expected and layout ~= '\0\0\0\0\0\0\0\0' then return answer(6, 0, '') end
local references = 0
if known[2] then
  local last, hash, _, _, owned = up(MEMBER, known[2])
  if number <= last then return again((number == last and hash ~= ARGV[5]) and 5 or 1, last, hash, sub(known[2], 34)) end
  if number ~= last + 1 then return answer(3, last, '') end
  references = owned
else
  local tomb = call('HGET', KEYS[3], id)
  if tomb then return fenced(tomb) end
  -- A copy of batch 1 that outlived the tombstone of its incarnation must not be taken for a newcomer.
  if number ~= 1 or now - tonumber(ARGV[3]) > floor(life / 2) then return answer(4, 0, '') end
end

read_meta(nil, ARGV[1])
layout = expected
local schema, names, items = read_schema(ARGV[7]), ARGV[8], ARGV[9]
local count, width = up('<HB', names)
local form = item_form(schema, width)
local resources = {up('<' .. rep('Hc0', count), names, 4)}
local records, owned, larges = {}, {}, {}
if count > 0 then
  records = call('HMGET', KEYS[5], unpack(resources, 1, count))
  owned = call('HMGET', KEYS[4], unpack(resources, 1, count))
  if schema.has_large then larges = call('HMGET', KEYS[9], unpack(resources, 1, count)) end
end
local refused, crowded = {}, {}
local set, gone, own, disown, due_at, not_due, set_large, letters, letter_names = {}, {}, {}, {}, {}, {}, {}, {}, {}
local released, claims, set_sealed, claim_at = {}, {}, {}, {}
local open_count, letter_count
local opened = 0
local rest, rest_at = add_to_held(schema, width, form, gap == 0 and hard, resources, count, items, records, owned, set)
if not rest then return redis.error_reply('SLUICETWICE the batch names a resource twice') end
for j, i in ipairs(rest) do
  local resource = resources[i]
  local at = rest_at[j]
  local head, size, from = byte(items, at), 1, 1
  local compact = head > 127
  if compact then head = head - 128 else size, from = up('<I4', items, at + 1) end
  local holds, force, reason = head % 2 == 1 and gap == 0, head % 4 > 1, floor(head / 4)
  local blob, large = records[i], larges[i] or ''
  local holders, flags, why, times, generation, created, hard_due, due, due_after, small = 0, 0, 0, 0, 0, 0, NEVER, NEVER, 0, ''
  if blob then
    holders, flags, why, times, generation, created, hard_due, due, due_after = up(OPEN, blob)
    small = sub(blob, 46)
  end
  local forced, waiting, due_before = flags % 2 == 1, flags % 4 > 1, due
  local was, contributed = owned[i], owned[i] and up('<I7', owned[i]) or 0
  local contributed_before, is_merged, counts_references = contributed, false, flags > 7
  -- Only a reference begins a generation of references: what somebody who was fenced says of a resource that nobody holds is of one that has ended.
  if size > 0 and not (claim_lease and not holds and generation == 0) then
    local delta = compact and expand(schema, form, items, at) or sub(items, from, from + size - 1)
    local status, small_after, large_after = merge_record(schema, small, large, delta)
    if status == 0 then
      if generation == 0 then generation, created = tick(), now end
      -- Not only with the first update: a replayed dead letter, which knows no hard period, may have been that.
      if hard_due == NEVER then hard_due = after(created, hard) end
      if contributed ~= generation then contributed, times = generation, times + 1 end
      small, is_merged = small_after, true
      if schema.has_opaque and is_crowded(schema, large_after) then crowded[#crowded + 1] = pk('<I4', i - 1) end
      if large_after ~= large then
        large = large_after
        set_large[#set_large + 1] = resource
        set_large[#set_large + 1] = large
      end
    else
      letter_count = letter_count or call('HLEN', KEYS[7])
      local outcome = status - 1
      if letter_count < letter_limit then
        local name = resource .. pk('>I7', tick())
        local text = status == 1 and 'A field would overflow.' or "The delta is not of this aggregate's schema."
        letters[#letters + 1] = name
        letters[#letters + 1] = pk(LETTER, 1, 0, now, 0, 0, 0, 0, #text, #delta) .. text .. delta
        letter_names[#letter_names + 1] = 0
        letter_names[#letter_names + 1] = name
        letter_count = letter_count + 1
      else
        outcome = outcome + 2
      end
      refused[#refused + 1] = pk('<I4B', i - 1, outcome)
    end
  end

  -- A drop of what is not held, or a second reference: somebody else's due time and reason are not this item's business.
  if is_merged or (not was) == holds or (force and generation ~= 0) then
    if holds then
      if not was then holders, references, held = holders + 1, references + 1, held + 1 end
      if claim_lease then
        counts_references = true
        if generation == 0 then generation, created, hard_due = tick(), now, after(now, hard) end
      end
      if not was or contributed ~= contributed_before then
        own[#own + 1] = resource
        if claim_lease then
          own[#own + 1] = was and pk('<I7', contributed) .. sub(owned[i], 8) or pk('<I7I7', contributed, now) .. sub(ARGV[6], 59)
        else
          own[#own + 1] = pk('<I7', contributed)
        end
      end
    else
      if was then
        holders, references, held = holders - 1, references - 1, held - 1
        disown[#disown + 1] = resource
      end
      if not forced then why = reason end
    end
    if generation == 0 then
      due = NEVER
    else
      if force then
        forced, why = true, 4
      elseif not blob and not forced and not claim_lease then
        -- Too many open resources make the partition slow for everybody: a newcomer beyond the limit is completed at once instead of being refused.
        open_count = open_count or call('HLEN', KEYS[5])
        if open_count + opened >= open_limit then forced, why = true, 2 end
      end
      if forced then
        due, due_after = due < now and due or now, 0
      elseif gap ~= 0 then
        due, due_after, why = after(now, gap), gap, 0
        if due > hard_due then due, due_after, why = hard_due, hard, 1 end
      elseif holders == 0 then
        due, due_after = after(now, linger), linger
        if due > hard_due then due = hard_due end
      else
        due, due_after = hard_due, hard
      end
    end
    local last_out = claim_lease and was and not holds and holders == 0
    local claimed = last_out and not call('HGET', KEYS[10], resource)
    if last_out then released[#released + 1] = pk('<I4BI7I7', i - 1, 4, generation, claimed and tick() or 0) end
    if claimed then
      -- Nothing stands in the way: the generation ends, and is claimed, by this batch.
      local until_then = after(now, claim_lease)
      local sealed = pk(SEALED, generation, clock, 1, until_then, claim_lease, 0, times, created, now, why, 0) .. small
      set_sealed[#set_sealed + 1] = resource
      set_sealed[#set_sealed + 1] = sealed
      claim_at[#claim_at + 1] = until_then
      claim_at[#claim_at + 1] = resource
      claims[#claims + 1] = i - 1
      claims[#claims + 1] = sealed
      generation, due = 0, NEVER
    end
    if not waiting and due ~= due_before then
      if due == NEVER then
        not_due[#not_due + 1] = resource
      else
        due_at[#due_at + 1] = due
        due_at[#due_at + 1] = resource
      end
    end
    if holders == 0 and generation == 0 then
      if blob then
        gone[#gone + 1] = resource
        opened = opened - 1
      end
    else
      set[#set + 1] = resource
      set[#set + 1] = pk(OPEN, holders, (forced and 1 or 0) + (waiting and 2 or 0) + (large ~= '' and 4 or 0) + (counts_references and 8 or 0), why, times, generation, created, hard_due, due, due_after) .. small
      if not blob then opened = opened + 1 end
    end
  end
end

-- The first write is one that a server without memory refuses: then nothing has happened.
local deadline, outcomes = after(now, lease), table.concat(refused) .. table.concat(released)
call('HSET', KEYS[1], id, pk(MEMBER, number, ARGV[5], deadline, lease, references) .. outcomes, '#', meta_now())
call('ZADD', KEYS[2], deadline, id)
if #set > 0 then call('HSET', KEYS[5], unpack(set)) end
if #gone > 0 then call('HDEL', KEYS[5], unpack(gone)) end
if #own > 0 then call('HSET', KEYS[4], unpack(own)) end
if #disown > 0 then call('HDEL', KEYS[4], unpack(disown)) end
if #due_at > 0 then call('ZADD', KEYS[6], unpack(due_at)) end
if #not_due > 0 then call('ZREM', KEYS[6], unpack(not_due)) end
if #set_large > 0 then call('HSET', KEYS[9], unpack(set_large)) end
if #set_sealed > 0 then
  call('HSET', KEYS[10], unpack(set_sealed))
  call('ZADD', KEYS[11], unpack(claim_at))
end
if #letters > 0 then
  call('HSET', KEYS[7], unpack(letters))
  call('ZADD', KEYS[8], unpack(letter_names))
end
if claim_lease then return answer(0, number, outcomes, '', claims) end
return answer(0, number, outcomes, schema.has_opaque and table.concat(crowded) or nil)
