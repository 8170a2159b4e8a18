-- Reads who holds a resource and who waits for it: O(waiters).
-- ARGV 1 seen  2 -  3 -  4 resource  5 the most waiters to list
local of = record(ARGV[4])
if not of then return {{}, {}, 0, now} end
local waiters, count = waiters_of(ARGV[4], of, tonumber(ARGV[5]))
return {holders_of(of, NEVER), waiters, count, now}
