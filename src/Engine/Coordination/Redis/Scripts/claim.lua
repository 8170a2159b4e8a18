-- Takes over sealed sessions whose claim lease ran out, then seals due ones, up to a limit.
-- KEYS 1 m  2 r  3 b  4 d  5 s  6 h  7 q
-- ARGV 1 seen  2 limit  3 claim lease
local limit, lease = tonumber(ARGV[2]), tonumber(ARGV[3])
read_meta(call('HGET', KEYS[1], '#'), ARGV[1])
local deadline = after(now, lease)
local out, granted = {}, 0
local set_sealed, claims, set_open, gone, not_due, set_large, gone_large = {}, {}, {}, {}, {}, {}, {}

local function grant(resource, sealed, large)
  set_sealed[#set_sealed + 1] = resource
  set_sealed[#set_sealed + 1] = sealed
  claims[#claims + 1] = deadline
  claims[#claims + 1] = resource
  out[#out + 1] = resource
  out[#out + 1] = sealed
  out[#out + 1] = large or ''
  granted = granted + 1
end

local expired = call('ZRANGEBYSCORE', KEYS[7], '-inf', now, 'LIMIT', 0, limit)
if #expired > 0 then
  local records, larges = call('HMGET', KEYS[5], unpack(expired)), call('HMGET', KEYS[6], unpack(expired))
  for i, resource in ipairs(expired) do
    local record = records[i]
    if record then
      local generation, _, attempt = up('<I7I7I4', record)
      grant(resource, pk('<I7I7I4I7I7', generation, tick(), attempt + 1, deadline, lease) .. sub(record, 33), larges[i])
    end
  end
end

-- A blocked resource costs a step without filling the limit, so the steps are bounded too: a claim stays short.
local steps, at = limit * 8 + 64, 0
while granted < limit and steps > 0 do
  local want = limit - granted
  if want > steps then want = steps end
  if want > 500 then want = 500 end
  local page = call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', at, want)
  if #page == 0 then break end
  at, steps = at + #page, steps - #page
  local opens, predecessors = call('HMGET', KEYS[2], unpack(page)), call('HMGET', KEYS[5], unpack(page))
  local larges
  for i, resource in ipairs(page) do
    local open = opens[i]
    not_due[#not_due + 1] = resource
    if open then
      local holders, flags, why, times, generation, created, hard_due, due, due_after = up(OPEN, open)
      if predecessors[i] then
        set_open[#set_open + 1] = resource
        set_open[#set_open + 1] = pk(OPEN, holders, flags + 2, why, times, generation, created, hard_due, due, due_after) .. sub(open, 46)
      else
        local has_large, large = flags % 8 > 3, nil
        if has_large then
          larges = larges or call('HMGET', KEYS[3], unpack(page))
          large = larges[i]
          set_large[#set_large + 1] = resource
          set_large[#set_large + 1] = large
          gone_large[#gone_large + 1] = resource
        end
        if flags % 2 == 0 and holders > 0 then why = 1 end
        -- Who still references a resource whose generation was forced to end holds the next one: its last release has a callback too.
        local successor = flags > 7 and holders > 0 and tick()
        grant(resource, pk(SEALED, generation, tick(), 1, deadline, lease, has_large and 4 or 0, times, created, now, why, 0) .. sub(open, 46), large)
        if holders > 0 then
          set_open[#set_open + 1] = resource
          set_open[#set_open + 1] = pk(OPEN, holders, successor and 8 or 0, 0, 0, successor or 0, successor and now or 0, NEVER, NEVER, 0)
        else
          gone[#gone + 1] = resource
        end
      end
    end
  end
end

if #not_due > 0 or granted > 0 then
  -- The first write is a removal, which also a server without memory lets pass: claims must go on when memory is full.
  call('HDEL', KEYS[1], '')
  for from = 1, #not_due, 500 do call('ZREM', KEYS[4], unpack(not_due, from, math.min(from + 499, #not_due))) end
  if #gone > 0 then call('HDEL', KEYS[2], unpack(gone)) end
  if #gone_large > 0 then call('HDEL', KEYS[3], unpack(gone_large)) end
  for from = 1, #set_open, 1000 do call('HSET', KEYS[2], unpack(set_open, from, math.min(from + 999, #set_open))) end
  for from = 1, #set_sealed, 1000 do call('HSET', KEYS[5], unpack(set_sealed, from, math.min(from + 999, #set_sealed))) end
  for from = 1, #claims, 1000 do call('ZADD', KEYS[7], unpack(claims, from, math.min(from + 999, #claims))) end
  for from = 1, #set_large, 1000 do call('HSET', KEYS[6], unpack(set_large, from, math.min(from + 999, #set_large))) end
  call('HSET', KEYS[1], '#', meta_now())
else
  keep_clock(KEYS[1])
end
return {now, clock, first(KEYS[4]), first(KEYS[7]), out}
