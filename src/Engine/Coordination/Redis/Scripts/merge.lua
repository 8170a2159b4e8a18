-- Merges aggregate records by a schema descriptor: the merger of docs/wire.md, bit for bit, for scripts that stand below this chunk.
--
--   read_schema(descriptor)                     -> schema, once per call of a script; schema.has_large says whether records have a second part
--   merge_record(schema, small, large, delta)   -> status, small, large
--     status 0 merged, 1 overflow, 2 malformed (which wins over overflow); small and large are '' for none, and may come in as nil or false.
--     A stored record is kept in two canonical parts, its small fields and its large ones; a delta is one record with both.
--
-- Nothing is written and nothing is kept between calls. Time: linear in the bytes of the records; the fast path is for records of sums alone.
--
-- Numbers are doubles, exact within 2^53. Strings are never compared by < or >: that is strcoll, which follows the server's locale and not the
-- bytes. Bytes are compared as the big-endian numbers that they are.
local read_schema, merge_record
do
local unpack, pack, byte, sub, rep, concat = struct.unpack, struct.pack, string.byte, string.sub, string.rep, table.concat

-- Kinds in a descriptor: the high four bits choose the merge, the low four the range of the values. See SchemaDescriptor.cs.
local SUM_I32, EXTREMA, MIN, WINDOWS, DISTINCT = 0x11, 0x20, 0x30, 0x40, 0x50

-- A field of a sum is 10 bytes; its index and its length, 8, are read as one number: 0x0800 plus the index.
local SUM_HEADER = 0x0800

-- Sums of any frames and values, field by field. Both halves of a sum are exact, whatever its size.
local function merge_sums(schema, small, delta)
  local stored_size, delta_size = #small, #delta
  if stored_size % 10 ~= 0 or delta_size % 10 ~= 0 then return 2 end
  local bytes, has_narrow, last_header = schema.bytes, schema.has_narrow, schema.last_header
  local parts, count, overflows = {}, 0, false
  local i, j = -9, -9
  local stored_header, delta_header = 0, 0
  local stored_low, stored_high, delta_low, delta_high
  local takes_stored, takes_delta = true, true
  repeat
    if takes_stored then
      i = i + 10
      if i > stored_size then
        stored_header = 65536
      else
        local header, low, high = unpack('<HI4i4', small, i)
        if header <= stored_header or header < SUM_HEADER or header > last_header or (low == 0 and high == 0) then return 2 end
        if has_narrow and bytes[3 * (header - SUM_HEADER) + 1] == SUM_I32 and high ~= (low < 2147483648 and 0 or -1) then return 2 end
        stored_header, stored_low, stored_high = header, low, high
      end
    end
    if takes_delta then
      j = j + 10
      if j > delta_size then
        delta_header = 65536
      else
        local header, low, high = unpack('<HI4i4', delta, j)
        if header <= delta_header or header < SUM_HEADER or header > last_header or (low == 0 and high == 0) then return 2 end
        if has_narrow and bytes[3 * (header - SUM_HEADER) + 1] == SUM_I32 and high ~= (low < 2147483648 and 0 or -1) then return 2 end
        delta_header, delta_low, delta_high = header, low, high
      end
    end
    takes_stored, takes_delta = stored_header <= delta_header, delta_header <= stored_header
    if takes_stored and takes_delta then
      if stored_header == 65536 then break end
      local low, high = stored_low + delta_low, stored_high + delta_high
      if low >= 4294967296 then low, high = low - 4294967296, high + 1 end
      if high < -2147483648 or high > 2147483647
        or has_narrow and bytes[3 * (stored_header - SUM_HEADER) + 1] == SUM_I32 and high ~= (low < 2147483648 and 0 or -1) then
        -- Goes on: a malformed field further on wins.
        overflows = true
      elseif low ~= 0 or high ~= 0 then
        count = count + 1
        parts[count] = pack('<HI4i4', stored_header, low, high)
      end
    else
      count = count + 1
      parts[count] = takes_stored and sub(small, i, i + 9) or sub(delta, j, j + 9)
    end
  until false
  if overflows then return 1 end
  return 0, concat(parts), ''
end

-- Everything that only schemas with other fields than sums need; made once per call of a script, and only for them.
local function general_merger(bytes)
  local find, char = string.find, string.char
  local band, bor = bit.band, bit.bor
  local EIGHT = '<' .. rep('I3', 8)
  local SIXTEEN = '<' .. rep('I3', 16)

  local function varint(value)
    if value < 128 then return char(value) end
    local text = ''
    while value >= 128 do
      local low = value % 128
      text = text .. char(low + 128)
      value = (value - low) / 128
    end
    return text .. char(value)
  end

  -- The length at a place and the place behind it; nil when there is none in its shortest form.
  local function read_varint(record, at)
    local value, weight = 0, 1
    for i = at, at + 4 do
      local next_byte = byte(record, i)
      if not next_byte then return nil end
      if next_byte < 128 then
        value = value + next_byte * weight
        if next_byte == 0 and i > at or value > 2147483647 then return nil end
        return value, i + 1
      end
      value = value + (next_byte - 128) * weight
      weight = weight * 128
    end
    return nil
  end

  -- Strict: no surrogates, no form longer than needed, nothing above U+10FFFF.
  local function is_utf8(text)
    local at = find(text, '[\128-\255]')
    while at do
      local a, b, c, d = byte(text, at, at + 3)
      if not b or b < 128 or b > 191 or a < 194 or a > 244 then return false end
      if a < 224 then
        at = at + 2
      elseif not c or c < 128 or c > 191 then
        return false
      elseif a < 240 then
        if a == 224 and b < 160 or a == 237 and b > 159 then return false end
        at = at + 3
      else
        if not d or d < 128 or d > 191 or a == 240 and b < 144 or a == 244 and b > 143 then return false end
        at = at + 4
      end
      at = find(text, '[\128-\255]', at)
    end
    return true
  end

  -- Which 8 bytes (as two big-endian halves, the sign flipped) are values. Range 0: all of them.
  local function is_ordinal(range, high, low)
    if range == 0 then return true end
    if range == 1 then return high == 0x80000000 and low < 0x80000000 or high == 0x7FFFFFFF and low >= 0x80000000 end
    if range == 2 then
      -- From minus infinity to infinity; NaN lies beyond both.
      return (high > 0x000FFFFF or high == 0x000FFFFF and low == 0xFFFFFFFF) and (high < 0xFFF00000 or high == 0xFFF00000 and low == 0)
    end
    return high >= 0x80000000 and (high < 0xABCA2875 or high == 0xABCA2875 and low <= 0xF4373FFF)
  end

  -- The elements of a window as one flat list: start, stop, then the identity as four numbers of 48 bits; nil when it is not canonical.
  local function read_window(kind, size, record, at, stop)
    local list, count, n = {}, 0, 0
    local w, x, y, z = 2 ^ 48, 0, 0, 0
    while at <= stop do
      if n == size or at + 24 > stop then return nil end
      local a, b, c, d = unpack('>I6I6I6I6', record, at)
      if a < 0x800000000000 or a > 0xABCA2875F437 or a == 0xABCA2875F437 and b >= 0x400000000000 then return nil end
      if a > w or a == w and (b > x or b == x and (c > y or c == y and d >= z)) then return nil end
      local length, value = byte(record, at + 24), at + 25
      if length >= 128 then
        length, value = read_varint(record, at + 24)
        if not length then return nil end
      end
      local last = value + length - 1
      if last > stop then return nil end
      if kind == WINDOWS then
        if length > 65535 or not is_utf8(sub(record, value, last)) then return nil end
      elseif length ~= (kind == WINDOWS + 1 and 8 or 16) then
        return nil
      end
      list[count + 1], list[count + 2], list[count + 3], list[count + 4], list[count + 5], list[count + 6] = at, last, a, b, c, d
      count, n = count + 6, n + 1
      w, x, y, z = a, b, c, d
      at = last + 1
    end
    return list
  end

  -- True when the first value's bytes are greater than or equal to the second's.
  local function is_at_least(left, right)
    local common = math.min(#left, #right)
    for i = 1, common do
      local a, b = byte(left, i), byte(right, i)
      if a ~= b then return a > b end
    end
    return #left >= #right
  end

  local function merge_windows(size, left, a, right, b)
    local parts, count, n, i, j = {}, 0, 0, 1, 1
    while n < size and (a[i] or b[j]) do
      local order
      if not b[j] then order = 1
      elseif not a[i] then order = -1
      else
        order = a[i + 2] - b[j + 2]
        if order == 0 then order = a[i + 3] - b[j + 3] end
        if order == 0 then order = a[i + 4] - b[j + 4] end
        if order == 0 then order = a[i + 5] - b[j + 5] end
      end
      local takes_left = order > 0
      if order == 0 then
        -- One contribution. The identities are equal, so the values decide; each begins behind its length.
        local _, first = read_varint(left, a[i] + 24)
        local _, second = read_varint(right, b[j] + 24)
        takes_left = is_at_least(sub(left, first, a[i + 1]), sub(right, second, b[j + 1]))
      end
      n, count = n + 1, count + 1
      parts[count] = takes_left and sub(left, a[i], a[i + 1]) or sub(right, b[j], b[j + 1])
      if order >= 0 then i = i + 6 end
      if order <= 0 then j = j + 6 end
    end
    return concat(parts)
  end

  -- The entries of the sparse form as numbers, register * 64 + rank; nil when it is not canonical.
  local function read_sparse(record, at, stop)
    local length = stop - at + 1
    if length > 12285 or length % 3 ~= 0 then return nil end
    local list, n, previous = {}, 0, -1
    while at <= stop do
      local fields = math.min(64, (stop - at + 1) / 3)
      local block = {unpack(fields == 64 and '>' .. rep('I3', 64) or '>' .. rep('I3', fields), record, at)}
      for i = 1, fields do
        local entry = block[i]
        local rank = entry % 64
        if entry - rank <= previous or rank == 0 or rank > 51 then return nil end
        previous = entry - rank
        n = n + 1
        list[n] = entry
      end
      at = at + 3 * fields
    end
    if previous >= 1048576 then return nil end
    return list
  end

  -- A rank above 51 has its two highest bits set, so most blocks are cleared by one look at the highest bit of all their ranks.
  local function has_rank_beyond(v)
    for _ = 1, 4 do
      local rank = v % 64
      if rank > 51 then return true end
      v = (v - rank) / 64
    end
    return false
  end

  local function is_dense(record, at)
    local raised = 0
    for p = at, at + 12287, 48 do
      local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, q = unpack(SIXTEEN, record, p)
      if band(bor(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, q), 0x820820) ~= 0 then
        for _, v in ipairs({a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, q}) do
          if has_rank_beyond(v) then return false end
        end
      end
      -- The dense form is for more registers than the sparse one takes. Once there are enough, no more are counted.
      if raised < 4096 then
        for _, v in ipairs({a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, q}) do
          local low = v % 4096
          if low % 64 > 0 then raised = raised + 1 end
          if low >= 64 then raised = raised + 1 end
          if v % 262144 >= 4096 then raised = raised + 1 end
          if v >= 262144 then raised = raised + 1 end
        end
      end
    end
    return raised >= 4096
  end

  -- The higher of each of four ranks, compared where they stand.
  local function max_of_four(a, b)
    local a1, b1 = a % 64, b % 64
    local a2, b2 = a % 4096, b % 4096
    local a3, b3 = a % 262144, b % 262144
    local r1, r2, r3, r4 = a1, a2 - a1, a3 - a2, a - a3
    b, b3, b2 = b - b3, b3 - b2, b2 - b1
    if b1 > r1 then r1 = b1 end
    if b2 > r2 then r2 = b2 end
    if b3 > r3 then r3 = b3 end
    if b > r4 then r4 = b end
    return r1 + r2 + r3 + r4
  end

  local function merge_dense(left, left_at, right, right_at)
    local parts, n = {}, 0
    for p = 0, 12287, 24 do
      local a, b, c, d, e, f, g, h = unpack(EIGHT, left, left_at + p)
      local i, j, k, l, m, o, q, r = unpack(EIGHT, right, right_at + p)
      if i ~= 0 and a ~= i then a = max_of_four(a, i) end
      if j ~= 0 and b ~= j then b = max_of_four(b, j) end
      if k ~= 0 and c ~= k then c = max_of_four(c, k) end
      if l ~= 0 and d ~= l then d = max_of_four(d, l) end
      if m ~= 0 and e ~= m then e = max_of_four(e, m) end
      if o ~= 0 and f ~= o then f = max_of_four(f, o) end
      if q ~= 0 and g ~= q then g = max_of_four(g, q) end
      if r ~= 0 and h ~= r then h = max_of_four(h, r) end
      n = n + 1
      parts[n] = pack(EIGHT, a, b, c, d, e, f, g, h)
    end
    return concat(parts)
  end

  -- Raises registers of the dense form; what lies between the touched triples of bytes is copied as it is.
  local function raise(dense, at, entries)
    local parts, n, copied = {}, 0, at
    local place, triple, touched = -1, 0, false
    for i = 1, #entries do
      local entry = entries[i]
      local rank = entry % 64
      local register = (entry - rank) / 64
      local lane = register % 4
      local here = at + (register - lane) / 4 * 3
      if here ~= place then
        if touched then
          parts[n + 1], parts[n + 2] = sub(dense, copied, place - 1), pack('<I3', triple)
          n, copied, touched = n + 2, place + 3, false
        end
        place, triple = here, unpack('<I3', dense, here)
      end
      local weight = lane == 0 and 1 or lane == 1 and 64 or lane == 2 and 4096 or 262144
      local current = (triple - triple % weight) / weight % 64
      if rank > current then triple, touched = triple + (rank - current) * weight, true end
    end
    if touched then
      parts[n + 1], parts[n + 2] = sub(dense, copied, place - 1), pack('<I3', triple)
      n, copied = n + 2, place + 3
    end
    parts[n + 1] = sub(dense, copied, at + 12287)
    return concat(parts)
  end

  local function merge_sparse(left, left_at, left_stop, a, right, right_at, b)
    local parts, n, total, copied = {}, 0, #a + #b, left_at
    local i, left_count = 1, #a
    for j = 1, #b do
      local entry = b[j]
      local rank = entry % 64
      local first = entry - rank
      while i <= left_count and a[i] < first do i = i + 1 end
      local place = left_at + 3 * (i - 1)
      local shared = i <= left_count and a[i] - a[i] % 64 == first
      if shared then total = total - 1 end
      if not shared or a[i] < entry then
        if place > copied then
          n = n + 1
          parts[n] = sub(left, copied, place - 1)
        end
        n = n + 1
        parts[n] = sub(right, right_at + 3 * (j - 1), right_at + 3 * j - 1)
        copied = shared and place + 3 or place
      end
    end
    if total > 4095 then return raise(raise(rep('\0', 12288), 1, a), 1, b) end
    parts[n + 1] = sub(left, copied, left_stop)
    return concat(parts)
  end

  -- Reads one record into lists by index + 1: where fields begin (with their frames) and end, and what was read of their payloads. False when
  -- anything is not canonical, or stands in the other part of a stored record.
  local function read_record(record, part, large, frames, stops, payloads)
    local at, size, previous = 1, #record, -1
    while at <= size do
      local index, length = byte(record, at, at + 1)
      if index <= previous or not length then return false end
      local start = at + 2
      if length >= 128 then
        length, start = read_varint(record, at + 1)
        if not length then return false end
      end
      local stop = start + length - 1
      local kind = bytes[3 * index + 1]
      if length == 0 or stop > size or not kind or part and part ~= (large[index + 1] and 2 or 1) then return false end
      local payload
      if kind >= DISTINCT then
        payload = true
        if length == 12288 then
          if not is_dense(record, start) then return false end
        else
          payload = read_sparse(record, start, stop)
        end
      elseif kind >= WINDOWS then
        payload = read_window(kind, bytes[3 * index + 2] + 256 * bytes[3 * index + 3], record, start, stop)
      elseif length ~= 8 then
        return false
      elseif kind >= EXTREMA then
        local high, low = unpack('>I4I4', record, start)
        payload = is_ordinal(kind % 16, high, low)
      else
        local low, high = unpack('<I4i4', record, start)
        payload = (low ~= 0 or high ~= 0) and (kind ~= SUM_I32 or high == (low < 2147483648 and 0 or -1))
      end
      if not payload then return false end
      frames[index + 1], stops[index + 1], payloads[index + 1] = at, stop, payload
      previous, at = index, stop + 1
    end
    return true
  end

  -- The merged frame of a field that both have; '' when it becomes empty, nil when it overflows.
  local function merge_field(index, left, a_stop, a, right, b_stop, b)
    local kind, payload = bytes[3 * index - 2], nil
    if kind < EXTREMA then
      local low, high = unpack('<I4i4', left, a_stop - 7)
      local more, upper = unpack('<I4i4', right, b_stop - 7)
      low, high = low + more, high + upper
      if low >= 4294967296 then low, high = low - 4294967296, high + 1 end
      if high < -2147483648 or high > 2147483647 or kind == SUM_I32 and high ~= (low < 2147483648 and 0 or -1) then return nil end
      if low == 0 and high == 0 then return '' end
      return pack('<BBI4i4', index - 1, 8, low, high)
    end
    if kind < WINDOWS then
      local high, low = unpack('>I4I4', left, a_stop - 7)
      local upper, lower = unpack('>I4I4', right, b_stop - 7)
      local left_is_greater = high > upper or high == upper and low > lower
      return (left_is_greater == (kind < MIN)) and sub(left, a_stop - 9, a_stop) or sub(right, b_stop - 9, b_stop)
    end
    if kind < DISTINCT then
      payload = merge_windows(bytes[3 * index - 1] + 256 * bytes[3 * index], left, a, right, b)
    elseif a == true then
      payload = b == true and merge_dense(left, a_stop - 12287, right, b_stop - 12287) or raise(left, a_stop - 12287, b)
    elseif b == true then
      payload = raise(right, b_stop - 12287, a)
    else
      payload = merge_sparse(left, a_stop - 3 * #a + 1, a_stop, a, right, b_stop - 3 * #b + 1, b)
    end
    return char(index - 1) .. varint(#payload) .. payload
  end

  return function(schema, small, big, delta)
    local large = schema.large
    local a_frames, a_stops, a_payloads, b_frames, b_stops, b_payloads = {}, {}, {}, {}, {}, {}
    if not read_record(small, 1, large, a_frames, a_stops, a_payloads) or not read_record(big, 2, large, a_frames, a_stops, a_payloads)
      or not read_record(delta, nil, large, b_frames, b_stops, b_payloads) then
      return 2
    end
    local smalls, larges, n, m = {}, {}, 0, 0
    for index = 1, schema.count do
      local is_large, in_stored, in_delta = large[index], a_frames[index], b_frames[index]
      local frame
      if in_stored then
        local stored = is_large and big or small
        if in_delta then
          frame = merge_field(index, stored, a_stops[index], a_payloads[index], delta, b_stops[index], b_payloads[index])
          if not frame then return 1 end
        else
          frame = sub(stored, in_stored, a_stops[index])
        end
      elseif in_delta then
        frame = sub(delta, in_delta, b_stops[index])
      end
      if frame then
        if is_large then
          m = m + 1
          larges[m] = frame
        else
          n = n + 1
          smalls[n] = frame
        end
      end
    end
    return 0, concat(smalls), concat(larges)
  end
end

function read_schema(descriptor)
  local bytes = {byte(descriptor, 1, -1)}
  local count = #bytes / 3
  local large, has_large, only_sums, has_narrow = {}, false, true, false
  for i = 1, count do
    local kind = bytes[3 * i - 2]
    if kind >= EXTREMA then
      only_sums = false
      if kind >= DISTINCT or kind >= WINDOWS and bytes[3 * i - 1] + 256 * bytes[3 * i] > 32 then
        large[i], has_large = true, true
      end
    elseif kind == SUM_I32 then
      has_narrow = true
    end
  end
  return {
    bytes = bytes,
    count = count,
    large = large,
    has_large = has_large,
    has_narrow = has_narrow,
    last_header = SUM_HEADER + count - 1,
    full = 10 * count,
    form = '<' .. rep('Hl', count < 8 and count or 8),
    -- A long that is not 64 bits (builds for 32-bit machines) leaves the fast path to nobody.
    limit = struct.size('l') ~= 8 and -1 or has_narrow and 2 ^ 60 or 2 ^ 104,
    merge = not only_sums and general_merger(bytes),
  }
end

-- The fast path: stored and delta have the same sums, eight at a time, in the same frames, and no number in sight is large. The doubles a, b
-- and c = a + b are then the exact integers: a^2 and c^2 below 2^104 bound |a| and |c| by 2^52, hence |b| by 2^53; rounding is monotone, so a
-- number that was rounded cannot pass. (With a sum.i32 among them the bounds are 2^30, 2^30 and 2^31.) The product of twelve such numbers is
-- finite, and zero exactly when one of them is: a field that is malformed, or that becomes empty. All else goes the slower way.
function merge_record(schema, small, large, delta)
  small = small or ''
  if schema.merge then return schema.merge(schema, small, large or '', delta) end
  if large and large ~= '' then return 2 end
  local is_copy = small == ''
  local stored = is_copy and delta or small
  local size, limit = #delta, schema.limit
  if size ~= #stored or size % 10 ~= 0 or size > schema.full or limit < 0 then return merge_sums(schema, small, delta) end
  local parts, last = nil, SUM_HEADER - 1
  for at = 1, size, 80 do
    local n = (size - at + 1) / 10
    local form = schema.form
    if n < 8 and size ~= schema.full or size > 80 and n < 8 then form = '<' .. rep('Hl', n) end
    local h1, a1, h2, a2, h3, a3, h4, a4, h5, a5, h6, a6, h7, a7, h8, a8 = unpack(form, stored, at)
    local g1, b1, g2, b2, g3, b3, g4, b4, g5, b5, g6, b6, g7, b7, g8, b8 = unpack(form, delta, at)
    local c1 = a1 + b1
    local c2, c3, c4, c5, c6, c7, c8
    local p, q, r = a1 * b1 * c1, 1, a1 * a1 + c1 * c1
    local same = h1 == g1 and h1 > last
    last = h1
    if n > 1 then
      c2 = a2 + b2
      p, r, same, last = p * a2 * b2 * c2, r + a2 * a2 + c2 * c2, same and h2 == g2 and h2 > h1, h2
      if n > 2 then
        c3 = a3 + b3
        p, r, same, last = p * a3 * b3 * c3, r + a3 * a3 + c3 * c3, same and h3 == g3 and h3 > h2, h3
        if n > 3 then
          c4 = a4 + b4
          p, r, same, last = p * a4 * b4 * c4, r + a4 * a4 + c4 * c4, same and h4 == g4 and h4 > h3, h4
          if n > 4 then
            c5 = a5 + b5
            q, r, same, last = a5 * b5 * c5, r + a5 * a5 + c5 * c5, same and h5 == g5 and h5 > h4, h5
            if n > 5 then
              c6 = a6 + b6
              q, r, same, last = q * a6 * b6 * c6, r + a6 * a6 + c6 * c6, same and h6 == g6 and h6 > h5, h6
              if n > 6 then
                c7 = a7 + b7
                q, r, same, last = q * a7 * b7 * c7, r + a7 * a7 + c7 * c7, same and h7 == g7 and h7 > h6, h7
                if n > 7 then
                  c8 = a8 + b8
                  q, r, same, last = q * a8 * b8 * c8, r + a8 * a8 + c8 * c8, same and h8 == g8 and h8 > h7, h8
                end
              end
            end
          end
        end
      end
    end
    if not same or last > schema.last_header or r >= limit or p == 0 or q == 0 then return merge_sums(schema, small, delta) end
    if not is_copy then
      local merged = pack(form, h1, c1, h2, c2, h3, c3, h4, c4, h5, c5, h6, c6, h7, c7, h8, c8)
      if size <= 80 then return 0, merged, '' end
      parts = parts or {}
      parts[#parts + 1] = merged
    end
  end
  return 0, is_copy and delta or concat(parts), ''
end
end
