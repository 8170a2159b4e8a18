-- Takes a claim that nobody else is interested in: the common case, before anything is set up for others. ARGV as of acquire.
-- Nobody has anything to do with the resource: so the handle is unknown too, because who holds or waits has a record. And its number is above all that the session gave up in doubt.
local id, number, max_hold, policy, waits = up('>c19I7I7BB', ARGV[4])
local handle, mode, capacity = sub(ARGV[4], 1, 26), up('<BI4', ARGV[6])
local known = call('HMGET', C, '#', id)
if known[2] and #ARGV == 6 and mode < RENDEZVOUS and max_hold >= NEVER then
  local deadline, _, floor, length, at = up(SESSION, known[2])
  local resource = sub(ARGV[6], 6)
  local is_new = number > floor and (at + length > #known[2] or number > up('>I7', known[2], #known[2] - 6))
  if deadline > now and is_new and not call('HGET', R, resource) then
    local layout, token, written = up(META, known[1])
    local seen, owner = tonumber(ARGV[1]), ARGV[5]
    if seen > token then token = seen end
    token = token + 1
    if token < now then token = now end
    local more, since = capacity ~= 1 or owner ~= '', token ~= now
    call('HSET', C, '#', pk(META, layout, token, written > now and written or now))
    call('HSET', R, resource, pk('<Bc26BI7', policy, handle, mode + (more and 16 or 0) + (since and 64 or 0), token)
      .. (since and pk('<I7', now) or '') .. (more and pk('<I4I7I2', capacity, 0, #owner) .. owner or ''))
    call('ZADD', H, 0, handle .. pk('>I7<I2', 0, #resource) .. resource)
    return {0, token, now, NEVER, now, token}
  end
end
