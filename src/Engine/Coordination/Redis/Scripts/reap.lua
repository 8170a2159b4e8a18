-- Fences an incarnation whose lease ran out, and takes back up to a limit of its references. Any number of reapers may run at once.
-- KEYS 1 m  2 l  3 t  4 u  5 f  6 o of the incarnation  7 r  8 d
-- ARGV 1 seen  2 incarnation  3 limit  4 linger  5 life of a tombstone
local id, limit, linger = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local known = call('HMGET', KEYS[1], '#', id)
read_meta(known[1], ARGV[1])
if known[2] then
  local _, _, deadline = up(MEMBER, known[2])
  if deadline > now then return {0, 0, now, first(KEYS[8])} end
end

local owned = call('HLEN', KEYS[6])
if limit > owned then limit = owned end
if limit > 500 then limit = 500 end
local names = limit > 0 and call('HRANDFIELD', KEYS[6], limit) or {}
local opens = #names > 0 and call('HMGET', KEYS[7], unpack(names)) or {}
local set, gone, due_at = {}, {}, {}
for i, resource in ipairs(names) do
  local open = opens[i]
  if open then
    local holders, flags, why, times, generation, created, hard_due, due, due_after = up(OPEN, open)
    holders = holders - 1
    if holders == 0 and generation ~= 0 and flags % 2 == 0 then
      local at = after(now, linger)
      if at > hard_due then at = hard_due end
      if flags % 4 < 2 and at ~= due then
        due_at[#due_at + 1] = at
        due_at[#due_at + 1] = resource
      end
      due, due_after, why = at, linger, 6
    end
    if holders == 0 and generation == 0 then
      gone[#gone + 1] = resource
    else
      set[#set + 1] = resource
      set[#set + 1] = pk(OPEN, holders, flags, why, times, generation, created, hard_due, due, due_after) .. sub(open, 46)
    end
  end
end

local remaining = owned - #names
held = held - #names
if known[2] then
  fence(KEYS[1], KEYS[2], KEYS[3], KEYS[4], id, known[2], tonumber(ARGV[5]), remaining)
elseif #names > 0 then
  call('HDEL', KEYS[6], '') -- a removal first: the dead must be taken away also when memory is full
  local tomb = call('HGET', KEYS[3], id)
  if tomb then call('HSET', KEYS[3], id, sub(tomb, 1, 22) .. pk('<I4', remaining) .. sub(tomb, 27)) end
end
if #names > 0 then
  call('HDEL', KEYS[6], unpack(names))
  if #gone > 0 then call('HDEL', KEYS[7], unpack(gone)) end
  if #set > 0 then call('HSET', KEYS[7], unpack(set)) end
  if #due_at > 0 then call('ZADD', KEYS[8], unpack(due_at)) end
end
if remaining > 0 then call('ZADD', KEYS[5], now, id) else call('ZREM', KEYS[5], id) end
if known[2] or #names > 0 then call('HSET', KEYS[1], '#', meta_now()) else keep_clock(KEYS[1]) end
return {1, remaining, now, first(KEYS[8])}
