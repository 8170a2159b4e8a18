-- Reads live values.
-- KEYS 1 r  2 b  3 s  4 h
-- ARGV resources
local out = {}
if #ARGV == 0 then return {now, out} end
for at = 1, 4 do
  local values = call('HMGET', KEYS[at], unpack(ARGV))
  for i = 1, #ARGV do out[(i - 1) * 4 + at] = values[i] or '' end
end
return {now, out}
