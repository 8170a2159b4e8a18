-- Ends a session and takes back up to a limit of its handles.
-- ARGV 1 seen  2 what channels begin with  3 partition  4 session  5 limit
local id, limit = ARGV[4], tonumber(ARGV[5])
begin(id)
local was_alive = living(id) ~= nil
end_session(id)
if over[id] or call('ZSCORE', E, id) then
  for _, member in ipairs(limit > 0 and starting(H, id, 0, limit) or {}) do
    local handle = sub(member, 1, 26)
    end_handle(handle, entry_of(handle))
  end
end
settle()
commit(false)
return {was_alive and 1 or 0, call('ZLEXCOUNT', H, '[' .. id, '(' .. id .. '\255')}
