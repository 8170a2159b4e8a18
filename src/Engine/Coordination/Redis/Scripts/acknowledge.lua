-- Ends sealed sessions whose sink has them.
-- KEYS 1 m  2 r  3 d  4 s  5 h  6 q  7 k
-- ARGV 1 seen, then per ticket: resource, generation .. token
read_meta(call('HGET', KEYS[1], '#'), ARGV[1])
local resources, verdicts, count = {}, {}, (#ARGV - 1) / 2
for i = 1, count do resources[i] = ARGV[2 * i] end
local records = count > 0 and call('HMGET', KEYS[4], unpack(resources)) or {}
local ended, endings = {}, {}
for i, resource in ipairs(resources) do
  local record = records[i]
  if record and not endings[resource] and sub(record, 1, 14) == ARGV[2 * i + 1] and byte(record, 33) % 2 == 0 then
    endings[resource] = true
    ended[#ended + 1] = i
    verdicts[i] = '1'
  else
    verdicts[i] = '0'
  end
end
if #ended > 0 then
  local names, sealed = {}, {}
  for i, at in ipairs(ended) do names[i], sealed[i] = resources[at], records[at] end
  release(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], names, sealed)
else
  keep_clock(KEYS[1])
end
return {now, first(KEYS[3]), table.concat(verdicts)}
