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
local SUM_I32, EXTREMA, MIN, WINDOWS, DISTINCT, OTHERS, HISTOGRAM, FIRST, WIDE_MAP, MAPS, OPAQUE = 0x11, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xB0, 0xC0, 0xF0

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
local function general_merger(bytes, count, has_others)
  local find, char = string.find, string.char
  local band, bor = bit.band, bit.bor
  local EIGHT, SIXTEEN, EIGHT_ENTRIES = '<' .. rep('I3', 8), '<' .. rep('I3', 16), '>' .. rep('I3', 8)

  -- The length at a place and the place behind it; nil when there is none in its shortest form.
  local function read_varint(record, at)
    local value, weight = 0, 1
    for i = at, at + 4 do
      local digit = byte(record, i)
      if not digit then return nil end
      if digit < 128 then
        value = value + digit * weight
        if digit == 0 and i > at or value > 2147483647 then return nil end
        return value, i + 1
      end
      value = value + (digit - 128) * weight
      weight = weight * 128
    end
    return nil
  end

  local function frame_of(index, payload)
    local length, digits = #payload, ''
    while length >= 128 do
      local low = length % 128
      digits = digits .. char(low + 128)
      length = (length - low) / 128
    end
    return concat({char(index), digits, char(length), payload})
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

  -- Whether the bytes are a value of a type: text (0), anything of 8 bytes (1), anything of 16 (2), an instant (3), an integer of 32 bits (4).
  local function is_value(type, record, start, stop)
    local length = stop - start + 1
    if type > 2 then
      if length ~= 8 then return false end
      local low, high = unpack('<I4i4', record, start)
      if type == 4 then return high == (low < 2147483648 and 0 or -1) end
      return high >= 0 and (high < 0x2BCA2875 or high == 0x2BCA2875 and low <= 0xF4373FFF)
    end
    if type > 0 then return length == (type == 1 and 8 or 16) end
    if length > 65535 then return false end
    -- The search may run on behind the value; what follows there is seldom ASCII for long.
    local _, ascii = find(record, '^[^\128-\255]*', start)
    return ascii >= stop or is_utf8(sub(record, start, stop))
  end

  -- Whether the first 8 bytes of an identity, in numbers of 48 bits, are a rank: an instant, a score, or an instant with its bits flipped.
  local function is_rank(kind, a, b)
    if kind < DISTINCT then return a >= 0x800000000000 and (a < 0xABCA2875F437 or a == 0xABCA2875F437 and b < 0x400000000000) end
    if kind < FIRST then
      -- From minus infinity to infinity, as for extrema.
      return (a > 0x000FFFFFFFFF or a == 0x000FFFFFFFFF and b >= 0xFFFF00000000) and (a < 0xFFF000000000 or a == 0xFFF000000000 and b < 0x000100000000)
    end
    return a < 0x800000000000 and (a > 0x5435D78A0BC8 or a == 0x5435D78A0BC8 and b >= 0xC00000000000)
  end

  -- The end of the element at a place, then its identity as four numbers of 48 bits, which must be below the given one; nil when it is malformed.
  local function read_element(kind, record, at, stop, w, x, y, z)
    if at + 24 > stop then return nil end
    local a, b, c, d = unpack('>I6I6I6I6', record, at)
    if not is_rank(kind, a, b) or a > w or a == w and (b > x or b == x and (c > y or c == y and d >= z)) then return nil end
    local length, value = byte(record, at + 24), at + 25
    if length >= 128 then
      length, value = read_varint(record, at + 24)
      if not length then return nil end
    end
    local last = value + length - 1
    if last > stop or not is_value(kind % 16, record, value, last) then return nil end
    return last, a, b, c, d
  end

  local function is_window(kind, size, record, at, stop)
    local w, x, y, z, last = 2 ^ 48, 0, 0, 0, nil
    for _ = 1, size do
      last, w, x, y, z = read_element(kind, record, at, stop, w, x, y, z)
      if not last then return false end
      if last == stop then return true end
      at = last + 1
    end
    return false
  end

  -- True when the value of the left element is greater than or equal to that of the right one, as bytes.
  local function is_at_least(left, a, a_last, right, b, b_last)
    local _, first = read_varint(left, a + 24)
    local _, second = read_varint(right, b + 24)
    for i = 0, math.min(a_last - first, b_last - second) do
      local one, other = byte(left, first + i), byte(right, second + i)
      if one ~= other then return one > other end
    end
    return a_last - first >= b_last - second
  end

  -- Checks both windows to their ends and merges them on the way; nil when one is malformed.
  local function merge_windows(kind, size, left, i, left_stop, right, j, right_stop)
    local parts, count, taken, lefts, rights = {}, 0, 0, 0, 0
    local a_last, a, b, c, d = read_element(kind, left, i, left_stop, 2 ^ 48, 0, 0, 0)
    local b_last, e, f, g, h = read_element(kind, right, j, right_stop, 2 ^ 48, 0, 0, 0)
    if not a_last or not b_last then return nil end
    local run, run_at, run_stop
    while a_last or b_last do
      local order
      if not b_last then
        order = 1
      elseif not a_last then
        order = -1
      else
        order = a - e
        if order == 0 then order = b - f end
        if order == 0 then order = c - g end
        if order == 0 then order = d - h end
      end
      if taken < size then
        local from, at, last = right, j, b_last
        if order > 0 or order == 0 and is_at_least(left, i, a_last, right, j, b_last) then from, at, last = left, i, a_last end
        -- Neighbours are copied together. (The two records may be one string: the place says which of them goes on.)
        if run == from and at == run_stop + 1 then
          run_stop = last
        else
          if run then
            count = count + 1
            parts[count] = sub(run, run_at, run_stop)
          end
          run, run_at, run_stop = from, at, last
        end
        taken = taken + 1
      end
      if order >= 0 then
        lefts, i = lefts + 1, a_last + 1
        if i > left_stop then
          a_last = nil
        else
          if lefts == size then return nil end
          a_last, a, b, c, d = read_element(kind, left, i, left_stop, a, b, c, d)
          if not a_last then return nil end
        end
      end
      if order <= 0 then
        rights, j = rights + 1, b_last + 1
        if j > right_stop then
          b_last = nil
        else
          if rights == size then return nil end
          b_last, e, f, g, h = read_element(kind, right, j, right_stop, e, f, g, h)
          if not b_last then return nil end
        end
      end
    end
    parts[count + 1] = sub(run, run_at, run_stop)
    return concat(parts)
  end

  local function is_sparse(record, at, stop)
    local length = stop - at + 1
    if length > 12285 or length % 3 ~= 0 then return false end
    local previous = -1
    while at + 23 <= stop do
      local a, b, c, d, e, f, g, h = unpack(EIGHT_ENTRIES, record, at)
      local r, s, t, u, v, w, x, y = a % 64, b % 64, c % 64, d % 64, e % 64, f % 64, g % 64, h % 64
      a, b, c, d, e, f, g, h = a - r, b - s, c - t, d - u, e - v, f - w, g - x, h - y
      if r * s * t * u * v * w * x * y == 0 or r > 51 or s > 51 or t > 51 or u > 51 or v > 51 or w > 51 or x > 51 or y > 51
        or a <= previous or b <= a or c <= b or d <= c or e <= d or f <= e or g <= f or h <= g then
        return false
      end
      previous, at = h, at + 24
    end
    while at <= stop do
      local entry = unpack('>I3', record, at)
      local rank = entry % 64
      if rank == 0 or rank > 51 or entry - rank <= previous then return false end
      previous, at = entry - rank, at + 3
    end
    return previous < 1048576
  end

  -- Four ranks of 6 bits in one number: whether one is above 51.
  local function has_rank_beyond(v)
    return v % 64 > 51 or v % 4096 >= 3328 or v % 262144 >= 212992 or v >= 13631488
  end

  local function is_dense(record, at)
    local stop, raised = at + 12287, 0
    while at < stop do
      local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p = unpack(SIXTEEN, record, at)
      -- A rank above 51 has its highest bit set, and so hardly any block needs more than this one look at all its ranks together.
      if band(bor(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p), 0x820820) ~= 0
        and (has_rank_beyond(a) or has_rank_beyond(b) or has_rank_beyond(c) or has_rank_beyond(d) or has_rank_beyond(e) or has_rank_beyond(f)
          or has_rank_beyond(g) or has_rank_beyond(h) or has_rank_beyond(i) or has_rank_beyond(j) or has_rank_beyond(k) or has_rank_beyond(l)
          or has_rank_beyond(m) or has_rank_beyond(n) or has_rank_beyond(o) or has_rank_beyond(p)) then
        return false
      end
      -- The dense form is for more registers than the sparse one takes. Once there are enough, no more are counted.
      if raised < 4096 then
        for q = at, at + 45, 3 do
          local v = unpack('<I3', record, q)
          if v >= 262144 then raised = raised + 1 end
          if v % 262144 >= 4096 then raised = raised + 1 end
          v = v % 4096
          if v >= 64 then raised = raised + 1 end
          if v % 64 > 0 then raised = raised + 1 end
        end
      end
      at = at + 48
    end
    return raised >= 4096
  end

  -- The higher of each of four ranks, compared where they stand.
  local function max_of_four(a, b)
    local a1, b1, a2, b2, a3, b3 = a % 64, b % 64, a % 4096, b % 4096, a % 262144, b % 262144
    a, a3, a2 = a - a3, a3 - a2, a2 - a1
    b, b3, b2 = b - b3, b3 - b2, b2 - b1
    return (a1 > b1 and a1 or b1) + (a2 > b2 and a2 or b2) + (a3 > b3 and a3 or b3) + (a > b and a or b)
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

  -- Where an entry lies in the dense form: its triple of bytes, the weight of its rank in there, and its rank.
  local function place_of(entry)
    local rank = entry % 64
    local register = (entry - rank) / 64
    local lane = register % 4
    return (register - lane) / 4, lane == 0 and 1 or lane == 1 and 64 or lane == 2 and 4096 or 262144, rank
  end

  -- Raises registers of the dense form; what lies between the touched triples of bytes is copied as it is.
  local function raise(dense, at, sparse, from, stop)
    local parts, n, copied = {}, 0, at
    local place, triple, touched = -1, 0, false
    for p = from, stop, 3 do
      local index, weight, rank = place_of((unpack('>I3', sparse, p)))
      if at + 3 * index ~= place then
        if touched then
          parts[n + 1], parts[n + 2] = sub(dense, copied, place - 1), pack('<I3', triple)
          n, copied, touched = n + 2, place + 3, false
        end
        place = at + 3 * index
        triple = unpack('<I3', dense, place)
      end
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

  -- The dense form of two sparse ones.
  local function fill_dense(left, left_at, left_stop, right, right_at, right_stop)
    local triples, parts = {}, {}
    for i = 0, 4095 do triples[i] = 0 end
    for p = left_at, left_stop, 3 do
      local index, weight, rank = place_of((unpack('>I3', left, p)))
      triples[index] = triples[index] + rank * weight
    end
    for p = right_at, right_stop, 3 do
      local index, weight, rank = place_of((unpack('>I3', right, p)))
      local triple = triples[index]
      local current = (triple - triple % weight) / weight % 64
      if rank > current then triples[index] = triple + (rank - current) * weight end
    end
    for i = 0, 4095, 8 do
      parts[i / 8 + 1] = pack(EIGHT, triples[i], triples[i + 1], triples[i + 2], triples[i + 3], triples[i + 4], triples[i + 5], triples[i + 6], triples[i + 7])
    end
    return concat(parts)
  end

  -- Looks the shorter side's entries up in the longer side, by steps that double: a small delta costs little, whatever is stored.
  local function merge_sparse(left, left_at, left_stop, right, right_at, right_stop)
    if right_stop - right_at > left_stop - left_at then
      left, left_at, left_stop, right, right_at, right_stop = right, right_at, right_stop, left, left_at, left_stop
    end
    local parts, n, copied = {}, 0, left_at
    local count, low = (left_stop - left_at + 1) / 3, 0
    local total = count
    for p = right_at, right_stop, 3 do
      local entry = unpack('>I3', right, p)
      local first = entry - entry % 64
      local high, step = low, 1
      while high < count and unpack('>I3', left, left_at + 3 * high) < first do
        low, high, step = high + 1, high + step, 2 * step
      end
      if high > count then high = count end
      while low < high do
        local middle = (low + high - (low + high) % 2) / 2
        if unpack('>I3', left, left_at + 3 * middle) < first then low = middle + 1 else high = middle end
      end
      local found = low < count and unpack('>I3', left, left_at + 3 * low) or 1048576
      local is_shared = found - found % 64 == first
      if not is_shared then total = total + 1 end
      if not is_shared or found < entry then
        local place = left_at + 3 * low
        parts[n + 1], parts[n + 2] = sub(left, copied, place - 1), sub(right, p, p + 2)
        n, copied = n + 2, is_shared and place + 3 or place
      end
    end
    if total > 4095 then return fill_dense(left, left_at, left_stop, right, right_at, right_stop) end
    parts[n + 1] = sub(left, copied, left_stop)
    return concat(parts)
  end

  local function is_sketch(kind, parameter, record, start, stop)
    if stop - start == 12287 then return is_dense(record, start) end
    return is_sparse(record, start, stop)
  end

  local function merge_sketches(kind, parameter, left, a, a_stop, right, b, b_stop)
    if not is_sketch(kind, parameter, left, a, a_stop) or not is_sketch(kind, parameter, right, b, b_stop) then return nil end
    if a_stop - a == 12287 then
      return b_stop - b == 12287 and merge_dense(left, a, right, b) or raise(left, a, right, b, b_stop)
    end
    if b_stop - b == 12287 then return raise(right, b, left, a, a_stop) end
    return merge_sparse(left, a, a_stop, right, b, b_stop)
  end

  -- The identities of an opaque field's items, and how many they are; nil when it is malformed.
  local function read_items(record, at, stop)
    local known, count = {}, 0
    if stop - at >= 524288 then return nil end
    while at <= stop do
      local identity, length, from = sub(record, at, at + 15), read_varint(record, at + 16)
      if not length or length > 65536 or from + length - 1 > stop or known[identity] or count == 1024 then return nil end
      known[identity], count, at = true, count + 1, from + length
    end
    return known, count
  end

  -- The items of the left, then those of the right that the left lacks.
  local function merge_items(_, _, left, a, a_stop, right, b, b_stop)
    local known, count = read_items(left, a, a_stop)
    if not known or not read_items(right, b, b_stop) then return nil end
    local parts, n, size = {sub(left, a, a_stop)}, 1, a_stop - a + 1
    while b <= b_stop do
      local length, from = read_varint(right, b + 16)
      if not known[sub(right, b, b + 15)] then
        n, count, size = n + 1, count + 1, size + from + length - b
        if count > 1024 or size > 524288 then return false end
        parts[n] = sub(right, b, from + length - 1)
      end
      b = from + length
    end
    return concat(parts)
  end

  local function is_items(_, _, record, at, stop)
    return read_items(record, at, stop) ~= nil
  end

  -- The kinds from WINDOWS on, by the high four bits of their numbers: whether a payload is canonical, and the payload of two. See fields.lua.
  local families = {[5] = {is_sketch, merge_sketches}, [15] = {is_items, merge_items}}
  families[4] = {is_window, merge_windows}
  families[8], families[9] = families[4], families[4]

  -- True when a field's payload is canonical.
  local function is_payload(kind, index, record, start, stop)
    if kind >= WINDOWS then
      return families[(kind - kind % 16) / 16][1](kind, bytes[3 * index + 2] + 256 * bytes[3 * index + 3], record, start, stop)
    end
    if stop - start ~= 7 then return false end
    if kind >= EXTREMA then return is_ordinal(kind % 16, unpack('>I4I4', record, start)) end
    local low, high = unpack('<I4i4', record, start)
    return (low ~= 0 or high ~= 0) and (kind ~= SUM_I32 or high == (low < 2147483648 and 0 or -1))
  end

  -- The merged frame of a field that both have, '' when it becomes empty; false when it overflows, nil when a payload is not canonical.
  local function merge_field(kind, index, left, a, a_stop, right, b, b_stop)
    if kind >= WINDOWS then
      local payload = families[(kind - kind % 16) / 16][2](kind, bytes[3 * index + 2] + 256 * bytes[3 * index + 3], left, a, a_stop, right, b, b_stop)
      return payload and payload ~= '' and frame_of(index, payload) or payload
    end
    if a_stop - a ~= 7 or b_stop - b ~= 7 then return nil end
    if kind >= EXTREMA then
      local high, low = unpack('>I4I4', left, a)
      local upper, lower = unpack('>I4I4', right, b)
      if not is_ordinal(kind % 16, high, low) or not is_ordinal(kind % 16, upper, lower) then return nil end
      if (high > upper or high == upper and low > lower) == (kind < MIN) then return sub(left, a - 2, a_stop) end
      return sub(right, b - 2, b_stop)
    end
    local low, high = unpack('<I4i4', left, a)
    local lower, upper = unpack('<I4i4', right, b)
    if low == 0 and high == 0 or lower == 0 and upper == 0
      or kind == SUM_I32 and (high ~= (low < 2147483648 and 0 or -1) or upper ~= (lower < 2147483648 and 0 or -1)) then
      return nil
    end
    low, high = low + lower, high + upper
    if low >= 4294967296 then low, high = low - 4294967296, high + 1 end
    if high < -2147483648 or high > 2147483647 or kind == SUM_I32 and high ~= (low < 2147483648 and 0 or -1) then return false end
    return (low ~= 0 or high ~= 0) and pack('<BBI4i4', index, 8, low, high) or ''
  end

  -- The index of the field at a place, and where its payload begins and ends; 256 behind the last field, nil where the frame is broken.
  local function next_field(record, at, previous)
    local index, length = byte(record, at, at + 1)
    if not index then return 256 end
    if index <= previous or not length then return nil end
    local start = at + 2
    if length >= 128 then
      length, start = read_varint(record, at + 1)
    end
    if not length or length == 0 or start + length - 1 > #record then return nil end
    return index, start, start + length - 1
  end

  if has_others then add_fields(families, is_payload, merge_field, read_varint, is_value, bytes, count) end

  return function(schema, small, big, delta)
    local large = schema.large
    local smalls, larges, n, m, overflows = {}, {}, 0, 0, false
    local s_at, b_at, d_at = 1, 1, 1
    local s, s_start, s_stop = next_field(small, 1, -1)
    local b, b_start, b_stop = next_field(big, 1, -1)
    local d, d_start, d_stop = next_field(delta, 1, -1)
    while s and b and d do
      local index = s < b and s or b
      if d < index then index = d end
      if index == 256 then
        if overflows then return 1 end
        return 0, concat(smalls), concat(larges)
      end
      local kind, is_large = index < count and bytes[3 * index + 1], large[index + 1]
      -- A field that is not declared, or that stands in the wrong part of the stored record.
      if not kind or s == index and is_large or b == index and not is_large then return 2 end
      local frame
      if s == index then
        if d == index then
          frame = merge_field(kind, index, small, s_start, s_stop, delta, d_start, d_stop)
        else
          frame = is_payload(kind, index, small, s_start, s_stop) and sub(small, s_at, s_stop) or nil
        end
        s_at = s_stop + 1
        s, s_start, s_stop = next_field(small, s_at, index)
      elseif b == index then
        if d == index then
          frame = merge_field(kind, index, big, b_start, b_stop, delta, d_start, d_stop)
        else
          frame = is_payload(kind, index, big, b_start, b_stop) and sub(big, b_at, b_stop) or nil
        end
        b_at = b_stop + 1
        b, b_start, b_stop = next_field(big, b_at, index)
      else
        frame = is_payload(kind, index, delta, d_start, d_stop) and sub(delta, d_at, d_stop) or nil
      end
      if d == index then
        d_at = d_stop + 1
        d, d_start, d_stop = next_field(delta, d_at, index)
      end
      if frame then
        if is_large then
          m = m + 1
          larges[m] = frame
        else
          n = n + 1
          smalls[n] = frame
        end
      elseif frame == false then
        -- Goes on: a malformed field further on wins.
        overflows = true
      else
        return 2
      end
    end
    return 2
  end
end

function read_schema(descriptor)
  local bytes = {byte(descriptor, 1, -1)}
  -- Behind the fields stands what each wide map keeps for its keys.
  local count, described = 0, #bytes / 3
  local large, has_large, only_sums, has_narrow, has_others, has_opaque = {}, false, true, false, false, false
  while count < described do
    count = count + 1
    local i, kind = count, bytes[3 * count - 2]
    local is_wide = kind >= WIDE_MAP and kind < MAPS
    if is_wide then described = described - 1 end
    if kind >= EXTREMA then
      only_sums = false
      if kind >= OTHERS and kind < OPAQUE then has_others = true end
      if kind == DISTINCT or kind == HISTOGRAM or is_wide or kind >= OPAQUE or kind >= WINDOWS and bytes[3 * i - 1] + 256 * bytes[3 * i] > 32 then
        large[i], has_large = true, true
        has_opaque = has_opaque or kind >= OPAQUE
      end
    elseif kind == SUM_I32 then
      has_narrow = true
    end
  end
  -- A long that is not 64 bits (builds for 32-bit machines) leaves the fast paths to nobody.
  local has_long = struct.size('l') == 8
  return {
    bytes = bytes,
    count = count,
    -- How many sums of 64 bits there are, if there are one to eight and nothing else.
    counters = only_sums and not has_narrow and has_long and count < 9 and count or 0,
    large = large,
    has_large = has_large,
    has_opaque = has_opaque,
    has_narrow = has_narrow,
    last_header = SUM_HEADER + count - 1,
    full = 10 * count,
    form = sub('<HlHlHlHlHlHlHlHl', 1, 1 + 2 * count),
    limit = not has_long and -1 or has_narrow and 2 ^ 60 or 2 ^ 104,
    merge = not only_sums and general_merger(bytes, count, has_others),
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
