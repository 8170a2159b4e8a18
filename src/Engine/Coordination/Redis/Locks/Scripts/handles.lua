-- Reads the numbers of a living session's handles, ascending: O(log N + limit).
-- ARGV 1 seen  2 -  3 -  4 session  5 continues behind this number  6 limit
local id, limit, found = ARGV[4], tonumber(ARGV[6]), {}
local raw = call('HGET', C, id)
if not raw or up(SESSION, raw) <= now then return {0, found} end
local listed = call('ZRANGE', H, '(' .. id .. pk('>I7', ARGV[5]) .. '\255', '(' .. id .. '\255', 'BYLEX', 'LIMIT', 0, limit + 1)
for i = 1, math.min(limit, #listed) do found[i] = up('>I7', listed[i], 20) end
return {#listed > limit and 1 or 0, found}
