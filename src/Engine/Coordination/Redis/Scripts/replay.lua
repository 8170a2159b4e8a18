-- Gives a dead letter, or a parked session, another life.
-- KEYS 1 m  2 r  3 b  4 d  5 s  6 h  7 q  8 k  9 x  10 y
-- ARGV 1 seen  2 resource  3 id  4 linger  5 schema
local resource, id = ARGV[2], tonumber(ARGV[3])
read_meta(call('HGET', KEYS[1], '#'), ARGV[1])
local occupant = call('HGET', KEYS[5], resource)

local function answer(status)
  return {status, now, math.min(first(KEYS[4]), first(KEYS[7]))}
end

if occupant and byte(occupant, 33) % 2 == 1 and up('<I7', occupant) == id then
  call('ZREM', KEYS[8], resource)
  call('HSET', KEYS[5], resource, sub(occupant, 1, 14) .. pk('<I4I7I7B', 0, now, 0, byte(occupant, 33) - 1) .. sub(occupant, 34))
  call('ZADD', KEYS[7], now, resource)
  call('HSET', KEYS[1], '#', meta_now())
  return answer(1)
end
local name = resource .. pk('>I7', id)
local letter = call('HGET', KEYS[9], name)
if not letter then return answer(0) end
local kind, _, _, times, created, sealed_at, why, error_length, small_length = up(LETTER, letter)
local text = sub(letter, 38, 37 + error_length)
local small, large = sub(letter, 38 + error_length, 37 + error_length + small_length), sub(letter, 38 + error_length + small_length)
if kind == 0 then
  if occupant then return answer(2) end
  call('ZREM', KEYS[10], name)
  call('HDEL', KEYS[9], name)
  -- Nobody knows this token: only a claim, which draws the next one, leads to an acknowledgement.
  call('HSET', KEYS[5], resource, pk(SEALED, id, tick(), 0, now, 0, 2 + (large ~= '' and 4 or 0), times, created, sealed_at, why, error_length) .. text .. small)
  if large ~= '' then call('HSET', KEYS[6], resource, large) end
  call('ZADD', KEYS[7], now, resource)
else
  local open, holders, flags, generation, hard_due, due, due_after = call('HGET', KEYS[2], resource), 0, 0, 0, NEVER, NEVER, 0
  local small_before, large_before = '', call('HGET', KEYS[3], resource) or ''
  times, created, why = 0, 0, 0
  if open then
    holders, flags, why, times, generation, created, hard_due, due, due_after = up(OPEN, open)
    small_before = sub(open, 46)
  end
  local status, small_after, large_after = merge_record(read_schema(ARGV[5]), small_before, large_before, small)
  if status ~= 0 then return answer(3) end
  times = times + 1
  if generation == 0 then generation, created = tick(), now end
  if due == NEVER and holders == 0 then
    due, due_after, why = after(now, tonumber(ARGV[4])), tonumber(ARGV[4]), 6
    if due > hard_due then due = hard_due end
    if flags % 4 < 2 and due < NEVER then call('ZADD', KEYS[4], due, resource) end
  end
  call('ZREM', KEYS[10], name)
  call('HDEL', KEYS[9], name)
  if large_after ~= '' and flags % 8 < 4 then flags = flags + 4 end
  call('HSET', KEYS[2], resource, pk(OPEN, holders, flags, why, times, generation, created, hard_due, due, due_after) .. small_after)
  if large_after ~= '' then call('HSET', KEYS[3], resource, large_after) end
end
call('HSET', KEYS[1], '#', meta_now())
return answer(1)
