-- Deletes a dead letter, or a parked session, for good.
-- KEYS 1 m  2 r  3 d  4 s  5 h  6 q  7 k  8 x  9 y
-- ARGV 1 seen  2 resource  3 id
read_meta(call('HGET', KEYS[1], '#'), ARGV[1])
local resource, id = ARGV[2], tonumber(ARGV[3])
local name = resource .. pk('>I7', id)
if call('HDEL', KEYS[8], name) == 1 then
  call('ZREM', KEYS[9], name)
  call('HSET', KEYS[1], '#', meta_now())
  return {1, now, first(KEYS[3])}
end
local parked = call('HGET', KEYS[4], resource)
if parked and byte(parked, 33) % 2 == 1 and up('<I7', parked) == id then
  release(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], {resource}, {parked})
  return {1, now, first(KEYS[3])}
end
return {0, now, first(KEYS[3])}
