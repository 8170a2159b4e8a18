-- Ends the signals of a resource.
-- ARGV 1 seen  2 what channels begin with  3 partition  4 resource
local resource, signals = ARGV[4], {}
read_meta(call('HGET', C, '#'))
local of = record(resource)
for _, holder in ipairs(of and of.holders or {}) do
  if holder.mode == SIGNAL then signals[#signals + 1] = holder.handle end
end
for _, handle in ipairs(signals) do end_signal(resource, handle) end
settle()
commit(false)
return #signals
