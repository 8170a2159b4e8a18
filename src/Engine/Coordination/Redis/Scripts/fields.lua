-- The kinds of fields that most aggregates do without, for the merger in merge.lua: what it makes only for schemas that have one of them.
--
--   add_fields(families, is_payload, merge_field, read_varint, is_value) -> nothing
--     Adds to `families`, by the high four bits of a kind's number, a pair of functions:
--       is(kind, parameter, record, start, stop)                                    -> whether the bytes are a canonical payload
--       merge(kind, parameter, left, a, a_stop, right, b, b_stop, both_are_payloads) -> the merged payload, '' when the field becomes empty; false when it overflows, nil when a payload is not canonical
local function add_fields(families, is_payload, merge_field, read_varint, is_value)
  local unpack, pack = struct.unpack, struct.pack

  -- Sums of doubles and averages.
  local SUM_F64 = 0x60

  -- The sum of two signed integers of two halves; nil when it overflows.
  local function add(low, high, lower, upper)
    low, high = low + lower, high + upper
    if low >= 4294967296 then low, high = low - 4294967296, high + 1 end
    if high < -2147483648 or high > 2147483647 then return nil end
    return low, high
  end

  local function is_scalar(kind, parameter, record, start, stop)
    if kind == SUM_F64 then
      if stop - start ~= 7 then return false end
      local total = unpack('<d', record, start)
      return total ~= 0 and total - total == 0
    end
    if stop - start ~= 15 then return false end
    local low, high = unpack('<I4i4', record, start + 8)
    return high > 0 or high == 0 and low > 0
  end

  families[6] = {is_scalar, function(kind, parameter, left, a, a_stop, right, b, b_stop)
    if not is_scalar(kind, parameter, left, a, a_stop) or not is_scalar(kind, parameter, right, b, b_stop) then return nil end
    if kind == SUM_F64 then
      local total = unpack('<d', left, a) + unpack('<d', right, b)
      if total - total ~= 0 then return false end
      return total == 0 and '' or pack('<d', total)
    end
    local low, high, count_low, count_high = unpack('<I4i4I4i4', left, a)
    local lower, upper, count_lower, count_upper = unpack('<I4i4I4i4', right, b)
    low, high = add(low, high, lower, upper)
    count_low, count_high = add(count_low, count_high, count_lower, count_upper)
    if not low or not count_low then return false end
    return pack('<I4i4I4i4', low, high, count_low, count_high)
  end}
end
