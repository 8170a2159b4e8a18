-- Who holds and who waits, without the dead; seven values each.
local function list(into, handle, mode, token, since, owner, is_revoked)
  local of = session(session_of(handle))
  for _, value in ipairs({handle, mode, token, since, owner, of and of.description or '', is_revoked and 1 or 0}) do into[#into + 1] = value end
end

local function holders_of(of, most)
  local found = {}
  for _, holder in ipairs(of.holders) do
    if #found == most * 7 then break end
    if holder.deadline > now and (holder.mode == SIGNAL or is_alive(session_of(holder.handle))) then
      list(found, holder.handle, holder.mode, holder.token, holder.since, holder.owner, holder.is_revoked)
    end
  end
  return found
end

-- Of the ones behind the limit it is only said how many they are, if anybody wants to know.
local function waiters_of(resource, of, limit, is_enough)
  local found, count = {}, 0
  if of.upgrade and is_alive(session_of(of.upgrade.handle)) then
    count = 1
    if limit > 0 then list(found, of.upgrade.handle, EXCLUSIVE, 0, of.upgrade.since, holder_of(of, of.upgrade.handle).owner, false) end
  end
  for waiter in walk(resource) do
    if is_enough and count >= limit then break end
    if is_alive(session_of(waiter.handle)) then
      count = count + 1
      if count <= limit then
        local entry = entry_of(waiter.handle)
        list(found, waiter.handle, waiter.mode, 0, entry.since, entry.owner, false)
      end
    end
  end
  return found, count
end
