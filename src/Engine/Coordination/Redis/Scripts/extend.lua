-- Keeps claims while their completions run.
-- KEYS 1 m  2 s  3 q
-- ARGV 1 seen  2 lease, then per ticket: resource, generation .. token
read_meta(call('HGET', KEYS[1], '#'), ARGV[1])
local lease = tonumber(ARGV[2])
local deadline = after(now, lease)
local resources, verdicts, set, claims, count = {}, {}, {}, {}, (#ARGV - 2) / 2
for i = 1, count do resources[i] = ARGV[1 + 2 * i] end
local records = count > 0 and call('HMGET', KEYS[2], unpack(resources)) or {}
for i, resource in ipairs(resources) do
  local record = records[i]
  if record and sub(record, 1, 14) == ARGV[2 + 2 * i] and byte(record, 33) % 2 == 0 then
    set[#set + 1] = resource
    set[#set + 1] = sub(record, 1, 18) .. pk('<I7I7', deadline, lease) .. sub(record, 33)
    claims[#claims + 1] = deadline
    claims[#claims + 1] = resource
    verdicts[i] = '1'
  else
    verdicts[i] = '0'
  end
end
if #set > 0 then
  call('HDEL', KEYS[1], '') -- a removal first: claims must not run out because memory is full
  call('HSET', KEYS[2], unpack(set))
  call('ZADD', KEYS[3], unpack(claims))
  call('HSET', KEYS[1], '#', meta_now())
else
  keep_clock(KEYS[1])
end
return {now, table.concat(verdicts)}
