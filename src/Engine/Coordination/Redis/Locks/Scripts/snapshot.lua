-- Everything that a partition holds, for examinations: O(all of it).
local out = {now}
for i, key in ipairs(KEYS) do
  out[#out + 1] = (i == 1 or i == 5) and call('HGETALL', key) or call('ZRANGE', key, 0, -1, 'WITHSCORES')
end
return out
