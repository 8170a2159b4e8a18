-- Leaves a partition where the incarnation holds nothing.
-- KEYS 1 m  2 l  3 t  4 u  5 o of the incarnation
-- ARGV 1 seen  2 incarnation  3 life of a tombstone
local owned = call('HLEN', KEYS[5])
if owned > 0 then return {0, owned} end
local known = call('HMGET', KEYS[1], '#', ARGV[2])
if known[2] then
  read_meta(known[1], ARGV[1])
  fence(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[2], known[2], tonumber(ARGV[3]), 0)
  call('HSET', KEYS[1], '#', meta_now())
end
return {1, 0}
