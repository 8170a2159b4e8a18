-- What a batch mostly does: it adds to sums of resources that its incarnation goes on holding. Nothing but the sums of their records changes then.
--
--   add_to_held(schema, width, form, hard, resources, count, items, records, owned, set) -> rest, rest_at
--     Appends names and new records to `set`. What is left for the general way: the indices in `rest`, whose items begin at `rest_at`. Nil: a name occurs twice.
--   item_form(schema, width) -> how compact items are read: `form`
--   expand(schema, form, items, at) -> the delta of a compact item, as a record
--
-- A compact item is its flags, then a value for every sum, in `width` bytes; 0 = the delta lacks it. A string costs a script by its length, since Lua hashes every byte of it.
local EXACT, COMPACT_HOLD = 4503599627370496, 129

local function item_form(schema, width)
  return '<B' .. rep('i' .. width, schema.count)
end

local function expand(schema, form, items, at)
  local _, b1, b2, b3, b4, b5, b6, b7, b8 = up(form, items, at)
  -- What lies behind the last value is a place, which is not 0, and then nothing.
  if schema.counters > 0 and b1 * b2 * (b3 or 1) * (b4 or 1) * (b5 or 1) * (b6 or 1) * (b7 or 1) * (b8 or 1) ~= 0 then
    return pk(schema.form, 2048, b1, 2049, b2, 2050, b3, 2051, b4, 2052, b5, 2053, b6, 2054, b7, 2055, b8)
  end
  local values, parts = {b1, b2, b3, b4, b5, b6, b7, b8}, {}
  for k = 1, schema.count do
    local value = values[k]
    if value ~= 0 then parts[#parts + 1] = pk('<HI4i4', 2047 + k, value % 4294967296, floor(value / 4294967296)) end
  end
  return table.concat(parts)
end

local function add_to_held(schema, width, form, hard, resources, count, items, records, owned, set)
  local rest, rest_at, left, kept, named, at = {}, {}, 0, 0, {}, 1
  local n = schema.counters
  local step, whole = 1 + width * n, 45 + 10 * n
  local last = n > 0 and #items - step + 1 or 0
  -- A record is its header, then a frame for every sum: 2 bytes that are the same in all records, and the sum. One that lacks a sum is shorter.
  local record_form = sub('<I5I5c7I7I7I7I7xxlxxlxxlxxlxxlxxlxxlxxl', 1, 15 + 3 * n)
  local sum_form = sub('<c45HlHlHlHlHlHlHlHl', 1, 4 + 2 * n)
  for i = 1, count do
    local resource, record, was = resources[i], records[i], owned[i]
    if named[resource] then return nil end
    named[resource] = true
    local sum, head, b1, b2, b3, b4, b5, b6, b7, b8
    if at <= last then head, b1, b2, b3, b4, b5, b6, b7, b8 = up(form, items, at) else head = byte(items, at) end
    if head == COMPACT_HOLD and was and record and #record == whole and at <= last then
      local flags, _, generation, _, hard_due, due, due_after, a1, a2, a3, a4, a5, a6, a7, a8 = up(record_form, record)
      if generation == was and due == hard_due and due_after == hard and flags < 4294967296 and (due ~= NEVER or hard == NEVER) then
        local c1, c2, c3, c4, c5, c6, c7, c8 = a1 + b1
        local is_exact = a1 > 0 and a1 < EXACT and c1 > 0 and c1 < EXACT
        if n > 1 then
          c2 = a2 + b2
          is_exact = is_exact and a2 > 0 and a2 < EXACT and c2 > 0 and c2 < EXACT
          if n > 2 then
            c3 = a3 + b3
            is_exact = is_exact and a3 > 0 and a3 < EXACT and c3 > 0 and c3 < EXACT
            if n > 3 then
              c4 = a4 + b4
              is_exact = is_exact and a4 > 0 and a4 < EXACT and c4 > 0 and c4 < EXACT
              if n > 4 then
                c5 = a5 + b5
                is_exact = is_exact and a5 > 0 and a5 < EXACT and c5 > 0 and c5 < EXACT
                if n > 5 then
                  c6 = a6 + b6
                  is_exact = is_exact and a6 > 0 and a6 < EXACT and c6 > 0 and c6 < EXACT
                  if n > 6 then
                    c7 = a7 + b7
                    is_exact = is_exact and a7 > 0 and a7 < EXACT and c7 > 0 and c7 < EXACT
                    if n > 7 then
                      c8 = a8 + b8
                      is_exact = is_exact and a8 > 0 and a8 < EXACT and c8 > 0 and c8 < EXACT
                    end
                  end
                end
              end
            end
          end
        end
        if is_exact then
          sum = n < 3 and pk(sum_form, record, 2048, c1, 2049, c2) or pk(sum_form, record, 2048, c1, 2049, c2, 2050, c3, 2051, c4, 2052, c5, 2053, c6, 2054, c7, 2055, c8)
        end
      end
    end
    if sum then
      set[kept + 1], set[kept + 2] = resource, sum
      kept = kept + 2
    else
      left = left + 1
      rest[left], rest_at[left] = i, at
    end
    at = at + (head > 127 and step or 5 + up('<I4', items, at + 1))
  end
  return rest, rest_at
end
