-- Reads the records in which somebody waits, by resource: O(their waiters).
-- ARGV 1 seen  2 -  3 -  4 limit  5 continues behind this resource; absent: begins
local limit, found = tonumber(ARGV[4]), {}
local waited = call('ZRANGE', W, ARGV[5] and '(' .. ARGV[5] or '-', '+', 'BYLEX', 'LIMIT', 0, limit + 1)
for i = 1, math.min(limit, #waited) do
  local of = record(waited[i])
  found[#found + 1] = waited[i]
  found[#found + 1] = of.policy
  found[#found + 1] = holders_of(of)
  found[#found + 1] = (waiters_of(waited[i], of, NEVER))
end
return {found, #waited > limit and 1 or 0}
