-- What transitions share beyond the head: records and how they are packed.
local clock, stored_clock, written, layout = 0, 0, 0, '\0\0\0\0\0\0\0\0'

local function after(from, duration)
  local sum = from + duration
  return sum < NEVER and sum or NEVER
end

-- ARGV[1] is the highest clock that the engine has seen: a server that lost its last writes goes on above it.
local function read_meta(meta)
  if meta then layout, clock, written = up(META, meta) end
  stored_clock = clock
  local seen = tonumber(ARGV[1])
  if seen > clock then clock = seen end
end

-- Sessions, places and tokens: above everything drawn, stored or seen before, and near server time.
local function tick()
  clock = clock + 1
  if clock < now then clock = now end
  return clock
end

local function meta_now()
  return pk(META, layout, clock, written > now and written or now)
end

local function read_session(raw)
  local deadline, lease, floor, length, at = up(SESSION, raw)
  return {deadline = deadline, lease = lease, floor = floor, description = sub(raw, at, at + length - 1), finished = sub(raw, at + length)}
end

-- Flags (policy, 4 = an upgrade waits, 8 = counts follow); counts of waiting writers and others; the upgrade; then the holders. A mutex that nobody waits for has 35 bytes.
local function read_record(raw)
  local flags, at = up('B', raw)
  local record = {policy = flags % 4, writers = 0, others = 0, holders = {}}
  if flags % 16 >= 8 then record.writers, record.others, at = up('<I4I4', raw, at) end
  if flags % 8 >= 4 then
    local handle, place, since
    handle, place, since, at = up('<c26I7I7', raw, at)
    record.upgrade = {handle = handle, place = place, since = since}
  end
  local n = 0
  while at <= #raw do
    local holder, kind = {capacity = 1, step = 0, owner = '', deadline = NEVER, max_hold = NEVER}, 0
    holder.handle, kind, holder.token, at = up('<c26BI7', raw, at)
    holder.mode, holder.is_revoked = kind % 8, kind % 64 >= 32
    holder.since = holder.token
    if kind >= 64 then holder.since, at = up('<I7', raw, at) end
    if kind % 16 >= 8 then holder.deadline, holder.max_hold, at = up('<I7I7', raw, at) end
    if kind % 32 >= 16 then
      local length
      holder.capacity, holder.step, length, at = up('<I4I7I2', raw, at)
      holder.owner = sub(raw, at, at + length - 1)
      at = at + length
    end
    n = n + 1
    record.holders[n] = holder
  end
  return record
end

local function write_record(record)
  local counted = record.writers > 0 or record.others > 0
  local parts = {string.char(record.policy + (record.upgrade and 4 or 0) + (counted and 8 or 0))}
  if counted then parts[#parts + 1] = pk('<I4I4', record.writers, record.others) end
  if record.upgrade then parts[#parts + 1] = pk('<c26I7I7', record.upgrade.handle, record.upgrade.place, record.upgrade.since) end
  for _, holder in ipairs(record.holders) do
    local bounded = holder.deadline < NEVER
    local more = holder.capacity ~= 1 or holder.step ~= 0 or holder.owner ~= ''
    parts[#parts + 1] = pk('<c26BI7', holder.handle,
      holder.mode + (bounded and 8 or 0) + (more and 16 or 0) + (holder.is_revoked and 32 or 0) + (holder.since ~= holder.token and 64 or 0), holder.token)
    if holder.since ~= holder.token then parts[#parts + 1] = pk('<I7', holder.since) end
    if bounded then parts[#parts + 1] = pk('<I7I7', holder.deadline, holder.max_hold) end
    if more then parts[#parts + 1] = pk('<I4I7I2', holder.capacity, holder.step, #holder.owner) .. holder.owner end
  end
  return table.concat(parts)
end

-- Handle and place; a holder's resources follow, or what a waiter will need: since when, its bound, policy, owner and claims.
local function read_entry(raw)
  local handle, place = sub(raw, 1, 26), up('>I7', raw, 27)
  local entry, at, n = {handle = handle, place = place, claims = {}}, 34, 0
  if place ~= 0 then
    local length
    entry.since, entry.max_hold, entry.policy, length, at = up('<I7I7BI2', raw, at)
    entry.owner = sub(raw, at, at + length - 1)
    at = at + length
  end
  while at <= #raw do
    local claim, length = {mode = EXCLUSIVE, capacity = 1}, 0
    if place ~= 0 then claim.mode, claim.capacity, at = up('<BI4', raw, at) end
    length, at = up('<I2', raw, at)
    claim.resource = sub(raw, at, at + length - 1)
    at, n = at + length, n + 1
    entry.claims[n] = claim
  end
  return entry
end

local function write_entry(entry)
  local parts = {entry.handle, pk('>I7', entry.place)}
  if entry.place ~= 0 then parts[3] = pk('<I7I7BI2', entry.since, entry.max_hold, entry.policy, #entry.owner) .. entry.owner end
  for _, claim in ipairs(entry.claims) do
    if entry.place ~= 0 then parts[#parts + 1] = pk('<BI4', claim.mode, claim.capacity) end
    parts[#parts + 1] = pk('<I2', #claim.resource) .. claim.resource
  end
  return table.concat(parts)
end

-- The line of a waiter: writers, whom readers let pass, first; who wants several, last.
local WRITERS, SEVERAL = '\1\0\0\0\0', '\100\0\0\0\0'
local function line_of(entry, claim)
  if #entry.claims ~= 1 then return SEVERAL end
  return pk('>BI4', 1 + claim.mode, (claim.mode == PERMIT or claim.mode == RENDEZVOUS or claim.mode == AWAIT) and claim.capacity or 0)
end

local function write_waiter(entry, claim)
  return pk('>I2', #claim.resource) .. claim.resource .. line_of(entry, claim) .. pk('>I7', entry.place) .. entry.handle .. pk('<BI4I2', claim.mode, claim.capacity, #entry.claims)
end

local function session_of(handle)
  return sub(handle, 1, 19)
end
