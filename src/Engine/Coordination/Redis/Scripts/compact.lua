-- Puts merged deltas of opaque fields in the place of those that they were made of, in the open or the sealed session of a generation.
-- KEYS 1 m  2 r  3 b  4 s  5 h
-- ARGV 1 seen  2 schema, then per compaction: resource, generation, field, length of what was merged, its SHA-1, the merged delta
-- Returns the time, and a digit per compaction: 0 gone, 1 compacted, 2 superseded, 3 refused
-- Linear in the bytes of the large fields. Every delivery shows what was stored first (I4): what was merged is named by its bytes, so a repeat changes nothing.
read_meta(call('HGET', KEYS[1], '#'), ARGV[1])
local schema, verdicts = read_schema(ARGV[2]), {}
local larges = {[KEYS[3]] = {}, [KEYS[5]] = {}}

local function framed(index, payload)
  local length, digits = #payload, ''
  while length >= 128 do
    digits, length = digits .. string.char(length % 128 + 128), floor(length / 128)
  end
  return string.char(index) .. digits .. string.char(length) .. payload
end

-- True for the payload of one item.
local function is_item(field, merged)
  if merge_record(schema, '', framed(field, merged), '') ~= 0 then return false end
  local length, content = length_at(merged, 17)
  return content + length == #merged + 1
end

local function compact(resource, generation, field, length, version, merged)
  local open, key = call('HGET', KEYS[2], resource), nil
  if open and generation > 0 and select(5, up(OPEN, open)) == generation then
    key = KEYS[3]
  else
    local sealed = call('HGET', KEYS[4], resource)
    if not sealed or up('<I7', sealed) ~= generation then return 0 end
    key = KEYS[5]
  end
  local large = larges[key][resource] or call('HGET', key, resource) or ''
  local index, at, from, behind = next_opaque(schema, large, 1)
  while index and index ~= field do index, at, from, behind = next_opaque(schema, large, behind) end
  if not index or behind - from < length or redis.sha1hex(sub(large, from, from + length - 1)) ~= version then return 2 end
  large = sub(large, 1, at - 1) .. framed(field, merged .. sub(large, from + length, behind - 1)) .. sub(large, behind)
  -- What is stored is a record of the schema, whatever was sent.
  if not is_item(field, merged) or merge_record(schema, '', large, '') ~= 0 then return 3 end
  larges[key][resource] = large
  return 1
end

for i = 3, #ARGV, 6 do
  verdicts[#verdicts + 1] = compact(ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), ARGV[i + 4], ARGV[i + 5])
end

if next(larges[KEYS[3]]) or next(larges[KEYS[5]]) then
  -- The first write is a removal, which also a server without memory lets pass: without this nothing would be completed any more.
  call('HDEL', KEYS[1], '')
  for key, changed in pairs(larges) do
    for resource, large in pairs(changed) do call('HSET', key, resource, large) end
  end
  call('HSET', KEYS[1], '#', meta_now())
else
  keep_clock(KEYS[1])
end
return {now, table.concat(verdicts)}
