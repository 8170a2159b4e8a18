-- Begins a session, and compares what processes must agree on: whoever locks has a session, also after the server lost everything.
-- KEYS as everywhere
-- ARGV 1 seen  2 what channels begin with  3 partition  4 engine  5 layout  6 lease  7 description
local meta = call('HGET', C, '#')
read_meta(meta)
if not meta then layout = ARGV[5] elseif layout ~= ARGV[5] then return {0} end
local id, lease = pk('>I7', tick()) .. ARGV[4], tonumber(ARGV[6])
sessions[id] = {deadline = after(now, lease), lease = lease, floor = 0, description = ARGV[7], finished = '', is_renewed = true}
put_session(id)
commit(true)
return {1, id, now, clock}
