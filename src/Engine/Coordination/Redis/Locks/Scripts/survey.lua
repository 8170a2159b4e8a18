-- Reads the records in which somebody waits, by resource: O(participants listed).
-- ARGV 1 seen  2 -  3 -  4 limit  5 the most holders and the most waiters of each  6 continues behind this resource; absent: begins
local limit, most, found = tonumber(ARGV[4]), tonumber(ARGV[5]), {}
local waited = call('ZRANGE', W, ARGV[6] and '(' .. ARGV[6] or '-', '+', 'BYLEX', 'LIMIT', 0, limit + 1)
for i = 1, math.min(limit, #waited) do
  local of = record(waited[i])
  found[#found + 1] = waited[i]
  found[#found + 1] = of.policy
  found[#found + 1] = holders_of(of, most)
  found[#found + 1] = (waiters_of(waited[i], of, most, true))
end
return {found, #waited > limit and 1 or 0}
