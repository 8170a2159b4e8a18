-- Lists dead letters, parked sessions first, up to a limit.
-- KEYS 1 s  2 h  3 k  4 x  5 y
-- ARGV 1 limit
local limit = tonumber(ARGV[1])
local total = call('ZCARD', KEYS[3]) + call('HLEN', KEYS[4])
local parked, letters = {}, {}
if limit > 0 then
  parked = call('ZRANGE', KEYS[3], 0, limit - 1)
  if limit > #parked then letters = call('ZRANGE', KEYS[5], 0, limit - #parked - 1) end
end
local out = {}
for i = 1, #parked do
  out[3 * i - 2], out[3 * i - 1], out[3 * i] = parked[i], call('HGET', KEYS[1], parked[i]) or '', call('HGET', KEYS[2], parked[i]) or ''
end
local kept = {}
for i = 1, #letters do
  kept[2 * i - 1], kept[2 * i] = letters[i], call('HGET', KEYS[4], letters[i]) or ''
end
return {total, out, kept}
