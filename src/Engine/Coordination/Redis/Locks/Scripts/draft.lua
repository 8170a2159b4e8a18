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

