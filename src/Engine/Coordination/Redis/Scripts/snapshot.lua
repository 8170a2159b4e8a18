-- Everything that a partition holds, for examinations: O(all of it).
-- KEYS 1 m  2 l  3 t  4 u  5 f  6 r  7 b  8 d  9 s  10 h  11 q  12 k  13 x  14 y
-- ARGV 1 what the keys of owned sets begin with
local out = {now}
for i, key in ipairs(KEYS) do
  if i == 2 or i == 4 or i == 5 or i == 8 or i == 11 or i == 12 or i == 14 then
    out[#out + 1] = call('ZRANGE', key, 0, -1, 'WITHSCORES')
  else
    out[#out + 1] = call('HGETALL', key)
  end
end
-- Not declared, but of the same hash tag: which incarnations there are is known only here, and a look in two steps would see two different moments.
local owned = {}
for _, key in ipairs({KEYS[1], KEYS[3]}) do
  for _, id in ipairs(call('HKEYS', key)) do
    if id ~= '#' then
      owned[#owned + 1] = id
      owned[#owned + 1] = call('HGETALL', ARGV[1] .. id)
    end
  end
end
out[#out + 1] = owned
return out
