-- A sign of life; finds the dead and what is due; purges old tombstones; brings deadlines back after the clock was set back.
-- KEYS 1 m  2 l  3 t  4 u  5 f  6 r  7 d  8 s  9 q
-- ARGV 1 seen  2 incarnation  3 lease  4 limit
local id, lease, limit = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local known = call('HMGET', KEYS[1], '#', id)
read_meta(known[1], ARGV[1])
local status, last = 2, 0
local member = known[2]
if member then
  status = 0
elseif known[1] then
  local tomb = call('HGET', KEYS[3], id)
  if tomb then status, last = 1, (up('<I7', tomb)) end
end

-- Deadlines that were written before the clock was set back are further away than their own durations: nobody would die and nothing would be due.
local function clamp(deadline, duration)
  if deadline >= NEVER then return deadline end
  local most = after(now, duration)
  return deadline < most and deadline or most
end

if known[1] and now < written then
  local members = call('HGETALL', KEYS[1])
  for i = 1, #members, 2 do
    if members[i] ~= '#' then
      local applied, hash, deadline, duration, owned = up(MEMBER, members[i + 1])
      deadline = clamp(deadline, duration)
      call('ZREM', KEYS[2], members[i])
      call('ZADD', KEYS[2], deadline, members[i])
      local changed = pk(MEMBER, applied, hash, deadline, duration, owned) .. sub(members[i + 1], 34)
      call('HSET', KEYS[1], members[i], changed)
      if members[i] == id then member = changed end
    end
  end
  local opens = call('HGETALL', KEYS[6])
  for i = 1, #opens, 2 do
    local holders, flags, why, times, generation, created, hard_due, due, due_after = up(OPEN, opens[i + 1])
    due = clamp(due, due_after)
    if generation ~= 0 and created > now then
      if hard_due < NEVER then hard_due = after(now, hard_due - created) end
      created = now
      if due > hard_due then due = hard_due end
    end
    call('HSET', KEYS[6], opens[i], pk(OPEN, holders, flags, why, times, generation, created, hard_due, due, due_after) .. sub(opens[i + 1], 46))
    if due < NEVER and flags % 4 < 2 then call('ZADD', KEYS[7], due, opens[i]) end
  end
  -- What is delivered stays as it is, its times of the future included: all deliveries of a generation are alike.
  local sealed = call('HGETALL', KEYS[8])
  for i = 1, #sealed, 2 do
    local record = sealed[i + 1]
    local deadline, duration = up('<I7I7', record, 19)
    deadline = clamp(deadline, duration)
    call('HSET', KEYS[8], sealed[i], sub(record, 1, 18) .. pk('<I7', deadline) .. sub(record, 26))
    if byte(record, 33) % 2 == 0 then call('ZADD', KEYS[9], deadline, sealed[i]) end
  end
end
local was_set_back = now < written
written = now

if limit > 0 then
  -- A tombstone is purged when its time is up, but never before its references have been taken back.
  for _, dead in ipairs(call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, limit)) do
    if not call('ZSCORE', KEYS[5], dead) then
      call('ZREM', KEYS[4], dead)
      call('HDEL', KEYS[3], dead)
    end
  end
end
if member then
  local applied, hash, _, _, owned = up(MEMBER, member)
  local deadline = after(now, lease)
  last = applied
  call('ZREM', KEYS[2], id) -- a removal first: nobody must die because memory is full
  call('ZADD', KEYS[2], deadline, id)
  call('HSET', KEYS[1], id, pk(MEMBER, applied, hash, deadline, lease, owned) .. sub(member, 34), '#', meta_now())
elseif was_set_back then
  call('HDEL', KEYS[1], '')
  call('HSET', KEYS[1], '#', meta_now())
else
  keep_clock(KEYS[1])
end
return {status, last, now, first(KEYS[7]), first(KEYS[9]), expired(KEYS[2], KEYS[5], limit)}
