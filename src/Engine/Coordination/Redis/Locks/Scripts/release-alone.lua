-- Ends a hold that nobody else is interested in: the common case, before anything is set up for others. ARGV as of release.
-- One holder without a bound, no waiters, no doubt; and above all numbers that were given up in doubt, so not one of them.
local id, number, doubt = up('>c19I7B', ARGV[4])
local handle, is_doubtful = sub(ARGV[4], 1, 26), doubt == 1
local known = call('HMGET', C, '#', id)
if known[2] and not is_doubtful then
  local deadline, _, _, length, at = up(SESSION, known[2])
  local is_new = at + length > #known[2] or number > up('>I7', known[2], #known[2] - 6)
  local entry = deadline > now and is_new and starting(H, handle, 0, 1)[1]
  if entry and up('>I7', entry, 27) == 0 and 35 + up('<I2', entry, 34) == #entry then
    local resource = sub(entry, 36)
    local record = call('HGET', R, resource)
    local flags, holder, kind = up('<Bc26B', record)
    if flags < 4 and holder == handle and kind % 16 < 8 then
      local size = 35 + (kind >= 64 and 7 or 0)
      if kind % 32 >= 16 then size = size + 13 + up('<I2', record, size + 12) end
      if size == #record then
        local layout, clock, written = up(META, known[1])
        local seen = tonumber(ARGV[1])
        if seen > clock then clock = seen end
        call('ZREM', H, entry) -- a removal first: what is held can be given back also when memory is full
        call('HDEL', R, resource)
        call('HSET', C, '#', pk(META, layout, clock, written > now and written or now))
        return {0, now, clock}
      end
    end
  end
end
