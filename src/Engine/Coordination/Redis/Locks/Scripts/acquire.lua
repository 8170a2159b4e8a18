-- Takes all claims of a handle, or waits for them, or leaves nothing behind. Changes nothing for a handle that is known, but what a look at its records brings.
-- ARGV 1 seen  2 what channels begin with  3 partition  4 session, number, bound, policy, waits  5 owner  6.. claims: mode, capacity, resource
begin(id, known)

local function answer(status, token, since)
  commit(status == 0 or status == 1)
  return {status, token or 0, since or 0, status == 1 and next_expiry() or NEVER, now, clock}
end

local function standing(found)
  if found.place ~= 0 then return answer(1, 0, found.since) end
  local holder = holder_of(record(found.claims[1].resource), handle)
  return answer(0, holder.token, holder.since)
end

local of = living(id)
if not of then return answer(5) end
local entry = entry_of(handle)
if entry then
  for _, claim in ipairs(entry.claims) do unsettle(claim.resource) end
  settle()
  entry = entry_of(handle)
  if entry then return standing(entry) end
  return answer(3)
end

local claims = {}
for i = 6, #ARGV do
  local each = {resource = sub(ARGV[i], 6)}
  each.mode, each.capacity = up('<BI4', ARGV[i])
  claims[i - 5] = each
end
if claims[1].mode == SIGNAL then
  local there = record(claims[1].resource)
  local signal = there and holder_of(there, handle)
  if signal then return answer(0, signal.token, signal.since) end
end
if is_finished(of, number) then return answer(3) end
if claims[1].mode == SIGNAL and max_hold >= NEVER then return answer(4) end -- nothing would ever end it

for _, claim in ipairs(claims) do unsettle(claim.resource) end
settle()
-- More signals than anybody counts would be kept for nothing: those that end first make room, and who takes the place of one stays for as long as that would have.
while claims[1].mode == SIGNAL do
  local there, signals, first = record(claims[1].resource), 0, nil
  for _, holder in ipairs(there and there.holders or {}) do
    if holder.mode == SIGNAL then
      signals = signals + 1
      if not first or holder.deadline < first.deadline then first = holder end
    end
  end
  if signals < claims[1].capacity then break end
  if first.deadline - now > max_hold then max_hold = first.deadline - now end
  end_signal(claims[1].resource, first.handle)
end
local is_free = true
for _, claim in ipairs(claims) do
  local there = record(claim.resource)
  if not fits(there, claim.mode, claim.capacity, false) or is_kept_back(claim.resource, there, claim.mode, #claims, NEVER) then
    is_free = false
    break
  end
end
if not is_free and waits == 0 then return answer(2) end
local newcomer = {handle = handle, place = tick(), since = now, max_hold = max_hold, policy = policy, owner = ARGV[5], claims = claims}
if is_free and claims[1].mode ~= RENDEZVOUS then
  grant(newcomer, newcomer.place)
  settle()
  return answer(0, newcomer.place, now)
end

-- A rendezvous is always in the queue when it is granted: all who met are granted alike.
enqueue(newcomer)
for _, claim in ipairs(claims) do unsettle(claim.resource) end
settle()
return standing(entry_of(handle))
