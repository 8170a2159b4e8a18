-- What has become of the partition is written, and told.
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
  -- What an engine has seen is a change: it may be the last time that it says so, and tokens must not go back.
  if not is_changed and clock == stored_clock then return end
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
