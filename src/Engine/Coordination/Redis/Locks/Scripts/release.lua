-- Ends a handle that holds or waits, and grants what becomes free. In doubt, the number is remembered: a late copy of its acquire takes nothing.
-- ARGV 1 seen  2 what channels begin with  3 partition  4 session, number, doubtful
begin(id, known)
local of = living(id)
if not of then
  commit(false)
  return {3, now, clock}
end
local status, entry = 2, entry_of(handle)
local is_remembered = false
for at = 1, #of.finished, 7 do is_remembered = is_remembered or up('>I7', of.finished, at) == number end
if entry then
  status = entry.place == 0 and 0 or 1
  if status == 0 then
    local there = record(entry.claims[1].resource)
    local holder = there and holder_of(there, handle)
    if holder and holder.deadline <= now then status = 2 end -- ended by its bound, as if somebody had looked a moment before
  end
  end_handle(handle, entry)
  settle()
end
if is_doubtful ~= is_remembered and living(id) then
  if is_doubtful then
    finish(id, of, number)
  else
    local at = 1
    while up('>I7', of.finished, at) ~= number do at = at + 7 end
    of.finished = sub(of.finished, 1, at - 1) .. sub(of.finished, at + 7)
    put_session(id)
  end
end
commit(false)
return {status, now, clock}
