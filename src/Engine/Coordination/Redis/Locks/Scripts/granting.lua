-- What a change makes possible: the dead are taken back, and who fits is granted.
local function take_back_the_dead(resource)
  local of = record(resource)
  if not of then return end
  local waiting, meets = {}, false
  for _, line in ipairs(of.others > 0 and queue(resource) or {}) do meets = meets or byte(line.id) == 1 + RENDEZVOUS end
  if meets then
    for waiter in walk(resource) do
      if not gone_at(resource, waiter) then
        if waiter.mode ~= RENDEZVOUS then break end
        waiting[#waiting + 1] = waiter
      end
    end
  end
  -- A copy, because taking back changes the list; made one by one, because unpack ends at some thousands.
  local held = {}
  for i, holder in ipairs(of.holders) do held[i] = holder end
  for _, holder in ipairs(held) do
    if holder.deadline <= now then
      end_bound(resource, holder)
    elseif holder.mode ~= SIGNAL and not is_alive(session_of(holder.handle)) then
      take_back(holder.handle)
    end
  end
  -- Who meets counts: the dead don't come.
  for _, waiter in ipairs(waiting) do
    if not is_alive(session_of(waiter.handle)) then take_back(waiter.handle) end
  end
end

local function agrees(wanted, held)
  if wanted == EXCLUSIVE then return false end
  if wanted == SHARED then return held == SHARED or held == UPGRADEABLE end
  if wanted == UPGRADEABLE then return held == SHARED end
  if wanted == PERMIT or wanted == RENDEZVOUS then return held == wanted end
  return held == SIGNAL or held == AWAIT
end

-- Whether the holders leave room for a claim. A rendezvous counts who is there.
local function fits(of, mode, capacity, waits)
  local signals = 0
  if of then
    for _, holder in ipairs(of.holders) do
      if not agrees(mode, holder.mode) then return false end
      if holder.mode == SIGNAL then signals = signals + 1 end
    end
  end
  if mode == PERMIT then return (of and #of.holders or 0) < capacity end
  if mode == AWAIT then return signals >= capacity end
  if mode == RENDEZVOUS then return (of and of.writers + of.others or 0) + (waits and 0 or 1) >= capacity end
  return true
end

-- Whether somebody who waits must be granted before.
local function is_kept_back(resource, of, mode, claims, place)
  if not of or mode >= RENDEZVOUS then return false end
  if of.upgrade then return true end
  if of.policy == FIFO then return first_place(resource) < place end
  return of.policy == WRITERS_FIRST and claims == 1 and (mode == SHARED or mode == UPGRADEABLE) and of.writers > 0
end

local function can_be_granted(resource, waiter)
  if waiter.claims == 1 then
    local of = record(resource)
    return fits(of, waiter.mode, waiter.capacity, true) and not is_kept_back(resource, of, waiter.mode, 1, waiter.place)
  end
  for _, claim in ipairs(entry_of(waiter.handle).claims) do
    take_back_the_dead(claim.resource)
    local of = record(claim.resource)
    if not fits(of, claim.mode, claim.capacity, true) or is_kept_back(claim.resource, of, claim.mode, waiter.claims, waiter.place) then return false end
  end
  return true
end

-- The first in the policy's order who can be granted, or one in the way who is dead.
local function look_through(resource, of)
  passes = passes + 1
  local pass, passed, is_fifo = passes, {}, of.policy == FIFO
  if of.policy == WRITERS_FIRST and of.writers > 0 then
    local no_others, line = of.others == 0, line_in(queue(resource), WRITERS)
    local writer = first_waiter(resource, line)
    if not is_alive(session_of(writer.handle)) then return nil, writer end
    if can_be_granted(resource, writer) then return writer end
    if no_others then return nil end
    passed[line] = true
  end
  for waiter in walk(resource, passed) do
    local left = gone_at(resource, waiter)
    if left == pass then return nil, waiter end
    if not left then
      if not is_alive(session_of(waiter.handle)) then return nil, waiter end
      if can_be_granted(resource, waiter) then return waiter end
      if is_fifo then return nil end
      if waiter.claims == 1 then passed[waiter.line] = true end
    end
  end
  return nil
end

local function next_to_grant(resource)
  while true do
    local of = record(resource)
    if not of then return nil end
    if of.upgrade then return #of.holders == 1 and of.upgrade or nil end
    if of.writers + of.others == 0 or (#of.holders == 1 and of.holders[1].mode == EXCLUSIVE) then return nil end
    local found, dead = look_through(resource, of)
    if not dead then return found end
    take_back(dead.handle)
  end
end

local function grant_waiting(resource, waiter)
  local token, of = tick(), record(resource)
  if waiter == of.upgrade then
    local holder = holder_of(of, waiter.handle)
    holder.mode, holder.token, of.upgrade = EXCLUSIVE, token, nil
    put_record(resource, of)
    wake(GRANTED, session_of(waiter.handle), sub(waiter.handle, 20), token)
    return
  end
  local entry, granted = entry_of(waiter.handle), {waiter}
  if entry.claims[1].mode == RENDEZVOUS then
    granted = {}
    for together in walk(resource) do
      if #granted == entry.claims[1].capacity then break end
      if not gone_at(resource, together) then granted[#granted + 1] = together end
    end
  end
  for _, together in ipairs(granted) do
    grant(entry_of(together.handle), token)
    wake(GRANTED, session_of(together.handle), sub(together.handle, 20), token)
  end
end

-- Until nobody is left who could be granted.
local function settle()
  while unsettled[first_unsettled] do
    local resource = unsettled[first_unsettled]
    first_unsettled = first_unsettled + 1
    take_back_the_dead(resource)
    while true do
      local waiter = next_to_grant(resource)
      if not waiter then break end
      grant_waiting(resource, waiter)
    end
  end
end

