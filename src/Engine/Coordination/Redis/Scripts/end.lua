-- Makes every open session due now, whoever holds it: for a layout that is drained.
-- KEYS 1 m  2 r  3 d
-- ARGV 1 seen  2 reason of those that are held
read_meta(call('HGET', KEYS[1], '#'), ARGV[1])
local opens, ended = call('HGETALL', KEYS[2]), 0
for i = 1, #opens, 2 do
  local holders, flags, why, times, generation, created, hard_due, due = up(OPEN, opens[i + 1])
  if generation ~= 0 and flags % 2 == 0 then
    if ended == 0 then call('HDEL', KEYS[1], '') end
    if due > now then due = now end
    if holders > 0 then why = tonumber(ARGV[2]) end
    call('HSET', KEYS[2], opens[i], pk(OPEN, holders, flags + 1, why, times, generation, created, hard_due, due, 0) .. sub(opens[i + 1], 46))
    if flags % 4 < 2 then call('ZADD', KEYS[3], due, opens[i]) end
    ended = ended + 1
  end
end
if ended > 0 then call('HSET', KEYS[1], '#', meta_now()) else keep_clock(KEYS[1]) end
return {ended, now, first(KEYS[3])}
