-- Begins a session, and compares what processes must agree on: whoever locks has a session, also after the server lost everything.
-- KEYS as everywhere
-- ARGV 1 seen  2 what channels begin with  3 partition  4 engine  5 layout  6 lease  7 description
local meta = call('HGET', C, '#')
read_meta(meta)
-- A clock may be all that there is: of engines that had seen more than a server has kept, and were refused.
if not meta or layout == '\0\0\0\0\0\0\0\0' then layout = ARGV[5] elseif layout ~= ARGV[5] then return {0} end
local id, lease = pk('>I7', tick()) .. ARGV[4], tonumber(ARGV[6])
sessions[id] = {deadline = after(now, lease), lease = lease, floor = 0, description = ARGV[7], finished = '', is_renewed = true}
put_session(id)
commit(true)
return {1, id, now, clock}
