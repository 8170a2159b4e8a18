-- Ends sealed sessions: takes their records away, and makes the successors that waited for them due.
-- `resources` are names, `records` their sealed records.
local function release(meta_key, open_key, due_key, sealed_key, large_key, claim_key, parked_key, resources, records)
  local successors = call('HMGET', open_key, unpack(resources))
  local set, due_at, large, parked = {}, {}, {}, {}
  for i, resource in ipairs(resources) do
    local flags = byte(records[i], 33)
    if flags % 2 == 1 then parked[#parked + 1] = resource end
    if flags > 3 then large[#large + 1] = resource end
    local open = successors[i]
    if open and byte(open, 5) % 4 > 1 then
      set[#set + 1] = resource
      set[#set + 1] = sub(open, 1, 4) .. string.char(byte(open, 5) - 2) .. sub(open, 6)
      due_at[#due_at + 1] = (up('<I7', open, 32))
      due_at[#due_at + 1] = resource
    end
  end
  -- Removals first: they pass also when memory is full.
  call('HDEL', sealed_key, unpack(resources))
  call('ZREM', claim_key, unpack(resources))
  if #large > 0 then call('HDEL', large_key, unpack(large)) end
  if #parked > 0 then call('ZREM', parked_key, unpack(parked)) end
  if #set > 0 then
    call('HSET', open_key, unpack(set))
    call('ZADD', due_key, unpack(due_at))
  end
  call('HSET', meta_key, '#', meta_now())
end
