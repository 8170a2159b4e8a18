-- Gives a held handle with one claim another mode; to the mode that it has: takes back an upgrade that waits.
-- ARGV 1 seen  2 what channels begin with  3 partition  4 session  5 number  6 step  7 mode  8 waits
local id, step, mode = ARGV[4], tonumber(ARGV[6]), tonumber(ARGV[7])
local handle = id .. pk('>I7', ARGV[5])
begin(id)

local function answer(status, token, since)
  commit(mode == EXCLUSIVE)
  return {status, token or 0, since or 0, status == 1 and next_expiry() or NEVER, now, clock}
end

if not living(id) then return answer(5) end
local entry = entry_of(handle)
if not entry or entry.place ~= 0 or #entry.claims ~= 1 then return answer(4) end
local resource = entry.claims[1].resource
unsettle(resource)
settle()
local of = record(resource)
local holder = of and holder_of(of, handle)
if not holder or step < holder.step then return answer(4) end
local is_upgrading = of.upgrade ~= nil and of.upgrade.handle == handle
if step == holder.step then
  if is_upgrading then return answer(1, 0, of.upgrade.since) end
  return answer(0, holder.token, holder.since)
end

if holder.mode == UPGRADEABLE and mode == EXCLUSIVE and #of.holders > 1 then
  if ARGV[8] == '0' then return answer(2) end
  of.upgrade, holder.step = {handle = handle, place = tick(), since = now}, step
  put_record(resource, of)
  return answer(1, 0, now)
elseif holder.mode == UPGRADEABLE and mode == EXCLUSIVE then
  holder.mode, holder.token = EXCLUSIVE, tick()
elseif (holder.mode == EXCLUSIVE and (mode == SHARED or mode == UPGRADEABLE)) or (holder.mode == UPGRADEABLE and mode == SHARED) then
  holder.mode = mode
elseif holder.mode ~= mode then
  return answer(4)
end
holder.step = step
if is_upgrading then of.upgrade = nil end
put_record(resource, of)
unsettle(resource)
settle()
return answer(0, holder.token, holder.since)
