-- Opaque fields of a record that is known to be canonical. They stand in its part of large fields.
--
--   next_opaque(schema, record, at) -> index, where its frame, its payload and what follows it begin; nil behind the last
--   is_crowded(schema, record)      -> whether an engine should compact one of them: more than 16 items, or more than half of what it may take
local function length_at(record, at)
  local length, weight, digit = 0, 1, nil
  repeat
    digit = byte(record, at)
    length, weight, at = length + digit % 128 * weight, weight * 128, at + 1
  until digit < 128
  return length, at
end

local function next_opaque(schema, record, at)
  while at <= #record do
    local index, length, from = byte(record, at), length_at(record, at + 1)
    if schema.bytes[3 * index + 1] >= 0xF0 then return index, at, from, from + length end
    at = from + length
  end
end

local function is_crowded(schema, record)
  local index, _, from, behind = next_opaque(schema, record, 1)
  while index do
    if behind - from > 262144 then return true end
    local items, at = 0, from
    while at < behind do
      local length, content = length_at(record, at + 16)
      items, at = items + 1, content + length
    end
    if items > 16 then return true end
    index, _, from, behind = next_opaque(schema, record, behind)
  end
  return false
end
