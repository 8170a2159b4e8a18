-- The kinds of fields that most aggregates do without, for the merger in merge.lua: what it makes only for schemas that have one of them.
--
--   add_fields(families, is_payload, merge_field, read_varint, is_value, bytes, count) -> nothing
--     Adds to `families`, by the high four bits of a kind's number, a pair of functions:
--       is(kind, parameter, record, start, stop)                  -> whether the bytes are a canonical payload
--       merge(kind, parameter, left, a, a_stop, right, b, b_stop) -> the merged payload, '' when the field becomes empty; false when it overflows,
--                                                                    nil when a payload is not canonical
local function add_fields(families, is_payload, merge_field, read_varint, is_value, bytes, count)
  local unpack, pack, byte, char, sub, concat = struct.unpack, struct.pack, string.byte, string.char, string.sub, table.concat

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

  -- Histograms: the buckets that are not empty, ascending, 2 bytes for the index and a count in 7 bits a byte.
  local MAX_COUNT = 9007199254740991

  -- The index and the count of the bucket at a place, and the place behind it; nil when it is malformed.
  local function read_bucket(record, at, stop)
    if at + 2 > stop then return nil end
    local index, count = unpack('>HB', record, at)
    if count < 128 then
      if count == 0 then return nil end
      return index, count, at + 3
    end
    count = count - 128
    local weight = 128
    for i = at + 3, at + 9 do
      if i > stop then return nil end
      local digit = byte(record, i)
      if digit < 128 then
        count = count + digit * weight
        if digit == 0 or count > MAX_COUNT then return nil end
        return index, count, i + 1
      end
      count, weight = count + (digit - 128) * weight, weight * 128
    end
    return nil
  end

  local function bucket_of(index, count)
    if count < 128 then return pack('>HB', index, count) end
    local digits = {pack('>H', index)}
    while count >= 128 do
      local low = count % 128
      digits[#digits + 1] = char(low + 128)
      count = (count - low) / 128
    end
    digits[#digits + 1] = char(count)
    return concat(digits)
  end

  local function is_histogram(_, precision, record, start, stop)
    local previous, total, last, at = -1, 0, 93 * 2 ^ precision, start
    while at <= stop do
      local index, count, behind = read_bucket(record, at, stop)
      if not index or index <= previous or index > last then return false end
      total = total + count
      if total > MAX_COUNT then return false end
      previous, at = index, behind
    end
    return true
  end

  families[7] = {is_histogram, function(kind, precision, left, i, left_stop, right, j, right_stop)
    if not is_histogram(kind, precision, left, i, left_stop) or not is_histogram(kind, precision, right, j, right_stop) then return nil end
    local parts, n, total = {}, 0, 0
    local a, a_count, a_behind = read_bucket(left, i, left_stop)
    local b, b_count, b_behind = read_bucket(right, j, right_stop)
    while a or b do
      n = n + 1
      local takes_a, takes_b = a and (not b or a <= b), b and (not a or b <= a)
      if takes_a and takes_b then
        parts[n] = bucket_of(a, a_count + b_count)
      else
        parts[n] = takes_a and sub(left, i, a_behind - 1) or sub(right, j, b_behind - 1)
      end
      if takes_a then
        total, i = total + a_count, a_behind
        a, a_count, a_behind = read_bucket(left, i, left_stop)
      end
      if takes_b then
        total, j = total + b_count, b_behind
        b, b_count, b_behind = read_bucket(right, j, right_stop)
      end
    end
    if total > MAX_COUNT then return false end
    return concat(parts)
  end}

  -- Sets and maps: entries by ascending hash, 8 bytes, then the key behind its length, and in maps the payload of the key's field behind its own.
  local WIDE_MAPS, MAPS = 0xB0, 0xC0
  local VALUE_KINDS = {[0] = 0x10, 0x11, 0x60, 0x61, 0x20, 0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0x33}
  local LAST_SUM = 2

  -- The type of the keys and the kind of their fields, if they have any, whether contributions to those can cancel out, where they are described, and
  -- how many keys there may be. A wide map's fields are described behind those of the aggregate.
  local function entry_form(kind, parameter)
    if kind < WIDE_MAPS then return kind % 16, nil, false, 0, parameter end
    if kind >= MAPS then return (kind - MAPS - kind % 16) / 16, VALUE_KINDS[kind % 16], kind % 16 <= LAST_SUM, 0, parameter end
    local capacity = parameter % 1024
    local value_index = count + (parameter - capacity) / 1024
    return kind % 16, bytes[3 * value_index + 1], false, value_index, capacity
  end

  -- The hash of the entry at a place in two halves, where its key begins and ends, where the entry ends, and where its value begins; nil when it is
  -- malformed.
  local function read_entry(type, value_kind, value_index, can_be_empty, record, at, stop, is_checked)
    if at + 8 > stop then return nil end
    local high, low, length = unpack('>I4I4B', record, at)
    local key = at + 9
    if length >= 128 then
      length, key = read_varint(record, at + 8)
      if not length then return nil end
    end
    local key_last = key + length - 1
    if key_last > stop or not is_checked and not is_value(type, record, key, key_last) then return nil end
    if not value_kind then return high, low, key, key_last, key_last end
    if key_last == stop then return nil end
    local size, value = byte(record, key_last + 1), key_last + 2
    if size >= 128 then
      size, value = read_varint(record, key_last + 1)
      if not size then return nil end
    end
    local last = value + size - 1
    if size == 0 then
      if not can_be_empty then return nil end
    elseif last > stop or not is_checked and not is_payload(value_kind, value_index, record, value, last) then
      return nil
    end
    return high, low, key, key_last, last, value
  end

  -- Negative, zero or positive, as the bytes compare.
  local function compare(left, a, a_last, right, b, b_last)
    for i = 0, math.min(a_last - a, b_last - b) do
      local one, other = byte(left, a + i), byte(right, b + i)
      if one ~= other then return one - other end
    end
    return a_last - a - b_last + b
  end

  local function is_entries(kind, parameter, record, at, stop)
    local type, value_kind, can_be_empty, value_index, capacity = entry_form(kind, parameter)
    local w, x, y, z = -1, 0, 0, 0
    for _ = 1, capacity do
      local high, low, key, key_last, last = read_entry(type, value_kind, value_index, can_be_empty, record, at, stop)
      if not high or high < w or high == w and (low < x or low == x and compare(record, key, key_last, record, y, z) <= 0) then return false end
      if last == stop then return true end
      w, x, y, z, at = high, low, key, key_last, last + 1
    end
    return false
  end

  -- Cut off behind the capacity: a key that is cut off once is cut off in every later merge, so that one that stays has its whole value.
  local function merge_entries(kind, parameter, left, i, left_stop, right, j, right_stop)
    if not is_entries(kind, parameter, left, i, left_stop) or not is_entries(kind, parameter, right, j, right_stop) then return nil end
    local type, value_kind, _, value_index, capacity = entry_form(kind, parameter)
    local parts, n, run, run_at, run_stop = {}, 0, nil, 0, 0
    local a, a_low, a_key, a_key_last, a_last, a_value = read_entry(type, value_kind, value_index, true, left, i, left_stop, true)
    local b, b_low, b_key, b_key_last, b_last, b_value = read_entry(type, value_kind, value_index, true, right, j, right_stop, true)
    for _ = 1, capacity do
      if not a and not b then break end
      local order
      if not b then
        order = -1
      elseif not a then
        order = 1
      else
        order = a - b
        if order == 0 then order = a_low - b_low end
        if order == 0 then order = compare(left, a_key, a_key_last, right, b_key, b_key_last) end
      end
      local from, at, last = left, i, a_last
      if order > 0 or order == 0 and value_kind and a_last == a_key_last + 1 then from, at, last = right, j, b_last end
      if order == 0 and value_kind and a_last > a_key_last + 1 and b_last > b_key_last + 1 then
        local frame = merge_field(value_kind, value_index, left, a_value, a_last, right, b_value, b_last)
        if not frame then return frame end
        if run then
          parts[n + 1] = sub(run, run_at, run_stop)
          n, run = n + 1, nil
        end
        -- A frame without its index, or nothing with the length of nothing.
        parts[n + 1], parts[n + 2] = sub(left, i, a_key_last), frame == '' and '\0' or sub(frame, 2)
        n = n + 2
      elseif run == from and at == run_stop + 1 then
        -- Neighbours are copied together.
        run_stop = last
      else
        if run then
          n = n + 1
          parts[n] = sub(run, run_at, run_stop)
        end
        run, run_at, run_stop = from, at, last
      end
      if order <= 0 then
        i = a_last + 1
        a, a_low, a_key, a_key_last, a_last, a_value = read_entry(type, value_kind, value_index, true, left, i, left_stop, true)
      end
      if order >= 0 then
        j = b_last + 1
        b, b_low, b_key, b_key_last, b_last, b_value = read_entry(type, value_kind, value_index, true, right, j, right_stop, true)
      end
    end
    if run then parts[n + 1] = sub(run, run_at, run_stop) end
    return concat(parts)
  end

  families[10] = {is_entries, merge_entries}
  families[11], families[12], families[13], families[14] = families[10], families[10], families[10], families[10]
end
