-- The locks of a partition under change by one transition: what was read, and what it has become. Nothing is written before commit(). The operations keep in step what
-- sessions, records and queues say of each other; settle() makes good what a change makes possible. They are those of LockDraft, in the same order.
local sessions, records, handles, queues = {}, {}, {}, {}
local stored_handles, stored_counts, dirty_sessions, dirty_records, dirty_handles = {}, {}, {}, {}, {}
local over, bound_gone, bound_new, line_gone, line_new, gone = {}, {}, {}, {}, {}, {}
local unsettled, first_unsettled, wakes, passes, is_changed = {}, 1, {}, 0, false

local function session(id)
  local found = sessions[id]
  if found == nil then
    local raw = call('HGET', C, id)
    found = raw and read_session(raw)
    sessions[id] = found
  end
  return found
end

-- What every request of a session begins with: one call for both.
local function begin(id, known)
  known = known or call('HMGET', C, '#', id)
  read_meta(known[1])
  sessions[id] = known[2] and read_session(known[2])
end

local function is_alive(id)
  local found = session(id)
  return found and found.deadline > now
end

local function wake(kind, id, number, token)
  local engine = sub(id, 8)
  wakes[#wakes + 1] = {engine, pk('>B', kind) .. sub(id, 1, 7) .. number .. pk('>I7I7', token, now)}
end

local function put_session(id)
  dirty_sessions[id], is_changed = true, true
end

-- The session is dead from now on. Its handles are taken back when somebody looks at their records, or by sweeps.
local function end_session(id)
  if not session(id) then return end
  sessions[id], over[id], is_changed = false, true, true
  wake(SESSION_ENDED, id, '\0\0\0\0\0\0\0', 0)
end

-- The session, if it is alive. One whose lease has run out ends, because somebody has looked.
local function living(id)
  local found = session(id)
  if not found then return nil end
  if found.deadline > now then return found end
  end_session(id)
  return nil
end

local function is_finished(of, number)
  if number <= of.floor then return true end
  for at = 1, #of.finished, 7 do
    if up('>I7', of.finished, at) == number then return true end
  end
  return false
end

-- More than 1,024 finished numbers raise the floor.
local function finish(id, of, number)
  local at = #of.finished + 1
  while at > 1 and up('>I7', of.finished, at - 7) >= number do at = at - 7 end
  if at > #of.finished or up('>I7', of.finished, at) ~= number then
    of.finished = sub(of.finished, 1, at - 1) .. pk('>I7', number) .. sub(of.finished, at)
    if #of.finished > 7 * 1024 then
      local lowest = up('>I7', of.finished)
      of.finished = sub(of.finished, 8)
      if lowest > of.floor then of.floor = lowest end
    end
  end
  put_session(id)
end

local function record(resource)
  local found = records[resource]
  if found == nil then
    local raw = call('HGET', R, resource)
    found = raw and read_record(raw)
    records[resource] = found
    stored_counts[resource] = {found and found.writers or 0, found and found.others or 0, found and (found.writers + found.others > 0 or found.upgrade ~= nil)}
  end
  return found
end

-- The record has been changed; without holders and waiters it does not exist.
local function put_record(resource, of)
  dirty_records[resource], is_changed = true, true
  records[resource] = (#of.holders > 0 or of.writers > 0 or of.others > 0 or of.upgrade) and of or false
end

local function holder_of(of, handle)
  for i, holder in ipairs(of.holders) do
    if holder.handle == handle then return holder, i end
  end
end

local function entry_of(handle)
  local found = handles[handle]
  if found == nil then
    local raw = starting(H, handle, 0, 1)[1]
    found = raw and read_entry(raw) or false
    handles[handle], stored_handles[handle] = found, raw
  end
  return found
end

local function put_handle(handle, entry)
  entry_of(handle)
  handles[handle], dirty_handles[handle], is_changed = entry, true, true
end

local function bound_member(resource, handle)
  return resource .. handle
end

local function put_bound(resource, holder)
  if holder.deadline < NEVER then
    local member = bound_member(resource, holder.handle)
    bound_new[member], bound_gone[member] = holder.deadline, nil
  end
end

local function drop_bound(resource, holder)
  if holder.deadline < NEVER then
    local member = bound_member(resource, holder.handle)
    bound_new[member], bound_gone[member] = nil, true
  end
end

-- The waiters of a record stand in lines, one for each kind of claim: of those who want the same, who can't be granted now nobody behind can either. A line is read
-- in pages, as far as somebody looks.
local function line_in(lines, id)
  for _, line in ipairs(lines) do
    if line.id == id then return line end
  end
end

local function queue(resource)
  local lines = queues[resource]
  if lines then return lines end
  record(resource)
  local stored, begins = stored_counts[resource], pk('>I2', #resource) .. resource
  lines = {}
  queues[resource] = lines
  if stored[1] > 0 then lines[1] = {id = WRITERS, read = 0} end
  local from = '(' .. begins .. WRITERS .. '\255'
  while stored[2] > 0 do
    local member = call('ZRANGE', Q, from, '(' .. begins .. '\255', 'BYLEX', 'LIMIT', 0, 1)[1]
    if not member then break end
    local id = sub(member, #begins + 1, #begins + 5)
    lines[#lines + 1] = {id = id, read = 0}
    from = '(' .. begins .. id .. '\255'
  end
  return lines
end

local function waiter_at(resource, line, i)
  while not line[i] and not line.is_read do
    local size = line.read == 0 and 4 or 128
    local begins = pk('>I2', #resource) .. resource .. line.id
    local page = starting(Q, begins, line.read, size)
    for _, member in ipairs(page) do
      local place, handle, mode, capacity, claims = up('>I7c26', member, #begins + 1)
      mode, capacity, claims = up('<BI4I2', member, #begins + 34)
      line[#line + 1] = {handle = handle, place = place, line = line, mode = mode, capacity = capacity, claims = claims}
    end
    line.read = line.read + #page
    if #page < size then
      line.is_read = true
      if line.newcomer then line[#line + 1] = line.newcomer end
    end
  end
  return line[i]
end

local function gone_at(resource, waiter)
  local of = gone[resource]
  return of and of[waiter.place]
end

-- In the order of their places, including those that have been removed meanwhile; without the lines in `passed`.
local function walk(resource, passed)
  local lines, at = queue(resource), {}
  return function()
    local next_waiter, from
    for i, line in ipairs(lines) do
      local waiter = not (passed and passed[line]) and waiter_at(resource, line, at[i] or 1) or nil
      if waiter and (not next_waiter or waiter.place < next_waiter.place) then next_waiter, from = waiter, i end
    end
    if from then at[from] = (at[from] or 1) + 1 end
    return next_waiter
  end
end

local function first_waiter(resource, line)
  local i = 1
  while true do
    local found = waiter_at(resource, line, i)
    if not found or not gone_at(resource, found) then return found end
    i = i + 1
  end
end

local function first_place(resource)
  local first = NEVER
  for _, line in ipairs(queue(resource)) do
    local waiter = first_waiter(resource, line)
    if waiter and waiter.place < first then first = waiter.place end
  end
  return first
end

local function enqueue(entry)
  for _, claim in ipairs(entry.claims) do
    local of = record(claim.resource) or {policy = entry.policy, writers = 0, others = 0, holders = {}}
    local id, lines = line_of(entry, claim), queue(claim.resource)
    if id == WRITERS then of.writers = of.writers + 1 else of.others = of.others + 1 end
    put_record(claim.resource, of)
    local line = line_in(lines, id)
    if not line then
      line = {id = id, is_read = true}
      lines[#lines + 1] = line
    end
    local newcomer = {handle = entry.handle, place = entry.place, line = line, mode = claim.mode, capacity = claim.capacity, claims = #entry.claims}
    if line.is_read then line[#line + 1] = newcomer else line.newcomer = newcomer end
    line_new[write_waiter(entry, claim)] = true
  end
  put_handle(entry.handle, entry)
end

local function leave_queue(of, entry, claim)
  local places = gone[claim.resource]
  if not places then
    places = {}
    gone[claim.resource] = places
  end
  if places[entry.place] then return end
  places[entry.place] = passes
  if line_of(entry, claim) == WRITERS then of.writers = of.writers - 1 else of.others = of.others - 1 end
  local member = write_waiter(entry, claim)
  if line_new[member] then line_new[member] = nil else line_gone[member] = true end
end

local function unsettle(resource)
  unsettled[#unsettled + 1] = resource
end

-- All claims of a handle become holds, whether it waited or has just come.
local function grant(entry, token)
  local deadline, resources = after(now, entry.max_hold), {}
  local waited = handles[entry.handle] and handles[entry.handle].place ~= 0
  for i, claim in ipairs(entry.claims) do
    local of = record(claim.resource) or {policy = entry.policy, writers = 0, others = 0, holders = {}}
    if waited then leave_queue(of, entry, claim) end
    local holder = {
      handle = entry.handle, mode = claim.mode, capacity = claim.capacity, token = token, since = now, deadline = deadline, max_hold = entry.max_hold, owner = entry.owner,
      step = 0, is_revoked = false,
    }
    of.holders[#of.holders + 1] = holder
    put_record(claim.resource, of)
    put_bound(claim.resource, holder)
    unsettle(claim.resource)
    resources[i] = {resource = claim.resource, mode = EXCLUSIVE, capacity = 1}
  end
  -- Signals outlive their session, which therefore does not list them.
  if entry.claims[1].mode ~= SIGNAL then
    put_handle(entry.handle, {handle = entry.handle, place = 0, claims = resources})
  end
end

local function drop_holder(resource, of, holder, i)
  drop_bound(resource, holder)
  table.remove(of.holders, i)
  if of.upgrade and of.upgrade.handle == holder.handle then of.upgrade = nil end
end

-- Nothing of the handle is left, wherever it held or waited.
local function end_handle(handle, entry)
  for _, claim in ipairs(entry.claims) do
    local of = record(claim.resource)
    if of then
      if entry.place ~= 0 then
        leave_queue(of, entry, claim)
      else
        local holder, i = holder_of(of, handle)
        if holder then drop_holder(claim.resource, of, holder, i) end
      end
      put_record(claim.resource, of)
      unsettle(claim.resource)
    end
  end
  put_handle(handle, false)
end

local function end_signal(resource, handle)
  local of = record(resource)
  if not of then return end
  local holder, i = holder_of(of, handle)
  if holder then drop_holder(resource, of, holder, i) end
  put_record(resource, of)
  unsettle(resource)
end

-- A hold whose bound has passed: ended everywhere. A late copy of its acquire must not take it again.
local function end_bound(resource, holder)
  if holder.mode == SIGNAL then return end_signal(resource, holder.handle) end
  local id, entry = session_of(holder.handle), entry_of(holder.handle)
  if entry then end_handle(holder.handle, entry) end
  local of = session(id)
  if of then finish(id, of, (up('>I7', holder.handle, 20))) end
  wake(HOLD_ENDED, id, sub(holder.handle, 20), holder.token)
end

local function take_back(handle)
  end_session(session_of(handle))
  local entry = entry_of(handle)
  if entry then end_handle(handle, entry) end
end

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
  for _, holder in ipairs({unpack(of.holders)}) do
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

local function write(command, key, arguments)
  for from = 1, #arguments, 1000 do call(command, key, unpack(arguments, from, math.min(from + 999, #arguments))) end
end

local function names(of)
  local found = {}
  for name in pairs(of) do found[#found + 1] = name end
  return found
end

-- Writes what has become of everything. What takes begins with a write that a server without memory refuses, so a refusal means that nothing happened; what gives, and signs
-- of life, begin with a removal, which such a server lets pass, and then everything else with it.
local function commit(is_taking)
  if not is_changed then return end
  local left, less = {}, {}
  for handle in pairs(dirty_handles) do
    local id = session_of(handle)
    if stored_handles[handle] and not handles[handle] then less[id] = (less[id] or 0) + 1 end
    if not session(id) then left[id] = 0 end
  end
  for id in pairs(over) do left[id] = 0 end
  for id in pairs(left) do left[id] = call('ZLEXCOUNT', H, '[' .. id, '(' .. id .. '\255') - (less[id] or 0) end

  if not is_taking then call('HDEL', C, '') end
  local set, leases, endless = {'#', meta_now()}, {}, {}
  for id in pairs(dirty_sessions) do
    local of = sessions[id]
    if of then
      set[#set + 1] = id
      set[#set + 1] = pk(SESSION, of.deadline, of.lease, of.floor, #of.description) .. of.description .. of.finished
      if of.is_renewed and of.deadline < NEVER then
        leases[#leases + 1] = of.deadline
        leases[#leases + 1] = id
      elseif of.is_renewed then
        endless[#endless + 1] = id
      end
    end
  end
  write('HSET', C, set)
  write('ZADD', L, leases)
  write('ZREM', L, endless)
  local ended = names(over)
  write('HDEL', C, ended)
  write('ZREM', L, ended)
  for id, count in pairs(left) do
    if count > 0 then call('ZADD', E, 0, id) else call('ZREM', E, id) end
  end

  local rem, add = {}, {}
  for handle in pairs(dirty_handles) do
    if stored_handles[handle] then rem[#rem + 1] = stored_handles[handle] end
    if handles[handle] then
      add[#add + 1] = 0
      add[#add + 1] = write_entry(handles[handle])
    end
  end
  write('ZREM', H, rem)
  write('ZADD', H, add)

  local put, del = {}, {}
  for resource in pairs(dirty_records) do
    local of = records[resource]
    if of then
      put[#put + 1] = resource
      put[#put + 1] = write_record(of)
    else
      del[#del + 1] = resource
    end
    local is_waited = of and (of.writers + of.others > 0 or of.upgrade ~= nil) or false
    if is_waited ~= stored_counts[resource][3] then
      if is_waited then call('ZADD', W, 0, resource) else call('ZREM', W, resource) end
    end
  end
  write('HSET', R, put)
  write('HDEL', R, del)

  write('ZREM', Q, names(line_gone))
  add = {}
  for member in pairs(line_new) do
    add[#add + 1] = 0
    add[#add + 1] = member
  end
  write('ZADD', Q, add)
  write('ZREM', B, names(bound_gone))
  add = {}
  for member, deadline in pairs(bound_new) do
    add[#add + 1] = deadline
    add[#add + 1] = member
  end
  write('ZADD', B, add)

  -- One message per engine: its channel is known from its sessions.
  local order, messages = {}, {}
  for _, found in ipairs(wakes) do
    if not messages[found[1]] then
      order[#order + 1] = found[1]
      messages[found[1]] = {ARGV[3]}
    end
    local message = messages[found[1]]
    message[#message + 1] = found[2]
  end
  for _, engine in ipairs(order) do
    call('PUBLISH', ARGV[2] .. string.format('%08x%08x%08x', up('>I4I4I4', engine)), table.concat(messages[engine]))
  end
end

local function first(queue_key)
  local found = call('ZRANGE', queue_key, 0, 0, 'WITHSCORES')
  return found[2] and tonumber(found[2]) or NEVER
end

-- When the next lease or bound runs out, and whether something dead is left. After commit.
local function next_expiry()
  local at = math.min(first(L), first(B))
  if at <= now or call('ZCARD', E) > 0 then return now, 1 end
  return at, 0
end
