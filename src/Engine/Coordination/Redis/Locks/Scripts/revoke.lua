-- Asks the holders of a resource to let go.
-- ARGV 1 seen  2 what channels begin with  3 partition  4 resource
local resource = ARGV[4]
read_meta(call('HGET', C, '#'))
unsettle(resource)
settle()
local of, asked = record(resource), 0
for _, holder in ipairs(of and of.holders or {}) do
  if holder.mode ~= SIGNAL then
    holder.is_revoked, asked = true, asked + 1
    put_record(resource, of)
    wake(REVOCATION, session_of(holder.handle), sub(holder.handle, 20), holder.token)
  end
end
commit(false)
return asked
