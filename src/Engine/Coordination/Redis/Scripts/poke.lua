-- A look that changes nothing; also tells an engine that wants an identity the server's time.
-- KEYS 1 m  2 l  3 f  4 d  5 q  6 r  7 s  8 k
-- ARGV 1 limit
read_meta(call('HGET', KEYS[1], '#'), '0')
local members = call('HLEN', KEYS[1])
return {
  now, clock, first(KEYS[4]), first(KEYS[5]), call('HLEN', KEYS[6]), held, call('HLEN', KEYS[7]), call('ZCARD', KEYS[8]),
  members > 0 and members - call('HEXISTS', KEYS[1], '#') or 0, expired(KEYS[2], KEYS[3], tonumber(ARGV[1]))}
