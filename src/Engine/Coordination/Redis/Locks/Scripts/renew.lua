-- A sign of life; takes back what is dead, up to a limit; looks handles up; brings deadlines back after the clock was set back. One call, however many locks are held.
-- ARGV 1 seen  2 what channels begin with  3 partition  4 session  5 lease  6 limit  7 count handles up to this number, 0: none  8.. numbers to look up
local id, lease, limit = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
begin(id)

local function clamp(deadline, duration)
  local most = after(now, duration)
  return deadline < most and deadline or most
end

-- Deadlines that were written before the clock was set back are further away than their own durations: nobody would die for that long.
if now < written then
  local all = call('HGETALL', C)
  for i = 1, #all, 2 do
    if all[i] ~= '#' then
      local of = session(all[i])
      of.deadline, of.is_renewed = clamp(of.deadline, of.lease), true
      put_session(all[i])
    end
  end
  for _, member in ipairs(call('ZRANGE', B, 0, -1)) do
    local resource, handle = sub(member, 1, -27), sub(member, -26)
    local of = record(resource)
    local holder = holder_of(of, handle)
    drop_bound(resource, holder)
    holder.deadline = clamp(holder.deadline, holder.max_hold)
    put_bound(resource, holder)
    put_record(resource, of)
  end
  written = now
end

local of = living(id)
if of then
  of.deadline, of.lease, of.is_renewed = after(now, lease), lease, true
  put_session(id)
end

-- Sessions whose lease ran out, then handles of dead sessions in order, then holds past their bound.
local budget, ending = limit, {}
if budget > 0 then
  for _, dead in ipairs(call('ZRANGE', E, 0, limit - 1)) do ending[#ending + 1] = dead end
  -- Those that this request renewed or brought back are not what they were when they were written.
  for _, dead in ipairs(call('ZRANGEBYSCORE', L, '-inf', now, 'LIMIT', 0, limit + 1)) do
    local found = session(dead)
    if budget > 0 and found and found.deadline <= now then
      end_session(dead)
      budget = budget - 1
    end
  end
  for dead in pairs(over) do ending[#ending + 1] = dead end
  table.sort(ending, function(one, other)
    local a, b, c, d = up('>I7I4I4I4', one)
    local p, q, r, s = up('>I7I4I4I4', other)
    if a ~= p then return a < p end
    if b ~= q then return b < q end
    if c ~= r then return c < r end
    return d < s
  end)
end
for _, dead in ipairs(ending) do
  if budget <= 0 then break end
  for _, member in ipairs(starting(H, dead, 0, budget)) do
    local handle = sub(member, 1, 26)
    end_handle(handle, entry_of(handle))
    budget = budget - 1
  end
end
local page = 0
while budget > 0 do
  local found = call('ZRANGEBYSCORE', B, '-inf', now, 'LIMIT', page, 100)
  for _, member in ipairs(found) do
    if budget > 0 and not bound_gone[member] and (bound_new[member] or 0) <= now then
      local resource = sub(member, 1, -27)
      end_bound(resource, (holder_of(record(resource), sub(member, -26))))
      budget = budget - 1
    end
  end
  if #found < 100 then break end
  page = page + 100
end
settle()

local reports = {}
if of then
  for i = 8, #ARGV do
    local handle = id .. pk('>I7', ARGV[i])
    local entry = entry_of(handle)
    if not entry then
      reports[#reports + 1] = '\0'
    elseif entry.place ~= 0 then
      reports[#reports + 1] = pk('<BBI7I7B', 1, entry.claims[1].mode, 0, entry.since, 0)
    else
      local first_of = record(entry.claims[1].resource)
      local holder, flags = holder_of(first_of, handle), 0
      if first_of.upgrade and first_of.upgrade.handle == handle then flags = 1 end
      for _, claim in ipairs(entry.claims) do
        if holder_of(record(claim.resource), handle).is_revoked then
          flags = flags + 2
          break
        end
      end
      reports[#reports + 1] = pk('<BBI7I7B', 2, holder.mode, holder.token, holder.since, flags)
    end
  end
end
commit(false)
local at, is_unfinished = next_expiry()
local counted = of and tonumber(ARGV[7]) > 0 and call('ZLEXCOUNT', H, '[' .. id, '(' .. id .. pk('>I7', ARGV[7]) .. '\255') or 0
return {of and 1 or 0, at, is_unfinished, now, clock, counted, reports}
