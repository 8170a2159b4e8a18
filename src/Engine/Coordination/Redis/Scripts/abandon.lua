-- Gives a claim back: claimable after the back-off, or parked or a dead letter after the last attempt.
-- KEYS 1 m  2 r  3 d  4 s  5 h  6 q  7 k  8 x  9 y
-- ARGV 1 seen  2 resource  3 generation .. token  4 back-off  5 most attempts  6 error  7 '1': skip  8 limit of dead letters
read_meta(call('HGET', KEYS[1], '#'), ARGV[1])
local resource, record = ARGV[2], call('HGET', KEYS[4], ARGV[2])
if not record or sub(record, 1, 14) ~= ARGV[3] or byte(record, 33) % 2 == 1 then return {0, now, first(KEYS[3])} end
local generation, _, attempt, _, _, flags, times, created, sealed_at, why, length = up(SEALED, record)
local fields = sub(record, 55 + length)
-- A new token that nobody knows: what was given back can't be acknowledged any more.
local token, backoff, status = tick(), tonumber(ARGV[4]), 1
local due = after(now, backoff)
if attempt < tonumber(ARGV[5]) then
  call('HDEL', KEYS[1], '')
  call('HSET', KEYS[4], resource, pk(SEALED, generation, token, attempt, due, backoff, flags, times, created, sealed_at, why, #ARGV[6]) .. ARGV[6] .. fields)
  call('ZADD', KEYS[6], due, resource)
  call('HSET', KEYS[1], '#', meta_now())
else
  status = 2
  if ARGV[7] == '1' and call('HLEN', KEYS[8]) < tonumber(ARGV[8]) then
    local name, large = resource .. pk('>I7', generation), flags > 3 and call('HGET', KEYS[5], resource) or ''
    release(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], {resource}, {record})
    call('HSET', KEYS[8], name, pk(LETTER, 0, attempt, now, times, created, sealed_at, why, #ARGV[6], #fields) .. ARGV[6] .. fields .. large)
    call('ZADD', KEYS[9], 0, name)
  else
    call('ZREM', KEYS[6], resource)
    call('HSET', KEYS[4], resource, pk(SEALED, generation, token, attempt, due, backoff, flags + 1, times, created, sealed_at, why, #ARGV[6]) .. ARGV[6] .. fields)
    call('ZADD', KEYS[7], 0, resource)
    call('HSET', KEYS[1], '#', meta_now())
  end
end
return {status, now, math.min(first(KEYS[3]), first(KEYS[6]))}
