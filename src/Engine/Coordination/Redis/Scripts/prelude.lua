-- What every transition begins with. A partition is a fixed set of keys with one hash tag:
--
--   m  hash  incarnation -> member                 '#' -> meta       r  hash  resource -> open record       s  hash  resource -> sealed record
--   l  zset  incarnation by lease deadline                           b  hash  resource -> its large fields  h  hash  resource -> its large fields
--   t  hash  incarnation -> tombstone                                d  zset  resource by due time          q  zset  resource by claim deadline
--   u  zset  incarnation by the time of its purge                    x  hash  resource .. id -> dead letter k  zset  parked resources, by name
--   f  zset  fenced incarnations that still own something            y  zset  dead letters, by name
--   o  hash  one per incarnation: resource -> the last generation that it contributed to; of a reference also since when, and who holds it
--
-- Records are packed, little-endian, integers of 7 bytes: a double is exact up to 2^53, and so are microseconds until the year 2255.
-- A script is atomic but is not rolled back: each one reads and computes everything first and writes last. Only the server's clock is asked.
local call, up, pk, sub, byte, rep, floor = redis.call, struct.unpack, struct.pack, string.sub, string.byte, string.rep, math.floor
local NEVER = 9007199254740992
-- Flags of an open record: 1 forced, 2 waits for its predecessor, 4 has large fields, 8 counts references.
local META = '<c8I7I7I4'           -- layout, clock, last write, number of references
local MEMBER = '<I7c8I7I7I4'       -- last batch, its hash, lease deadline, lease, number of references; then its refused items and last releases (from 34)
local TOMB = '<I7c8I7I4'           -- last batch, its hash, purge at, number of references; then its refused items and last releases (from 27)
local OPEN = '<I4BBI4I7I7I7I7I7'   -- holders, flags, reason, times modified, generation, created, hard due, due, due after; then the record (from 46)
local SEALED = '<I7I7I4I7I7BI4I7I7BI2' -- generation, token, attempt, claim deadline, lease, flags, times modified, created, sealed, reason, length of the error; then error and record (from 55)
local LETTER = '<BI4I7I4I7I7BI2I4' -- kind, attempts, at, times modified, created, sealed, reason, length of the error and of the small fields; then error, small and large fields (from 38)
local moment = call('TIME')
local now = moment[1] * 1000000 + moment[2]
local clock, stored_clock, written, held, layout = 0, 0, 0, 0, '\0\0\0\0\0\0\0\0'

local function after(from, duration)
  local sum = from + duration
  return sum < NEVER and sum or NEVER
end

local function first(queue)
  local found = call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  return found[2] and tonumber(found[2]) or NEVER
end

local function read_meta(meta, seen)
  if meta then layout, clock, written, held = up(META, meta) end
  stored_clock = clock
  seen = tonumber(seen)
  if seen > clock then clock = seen end
end

-- Generations, tokens and numbers of dead letters: above everything drawn, stored or seen before, and near server time.
local function tick()
  clock = clock + 1
  if clock < now then clock = now end
  return clock
end

-- What an engine has seen is kept also when there is nothing else to write: a number that somebody has seen is never issued again.
local function keep_clock(meta_key)
  if clock == stored_clock then return end
  call('HDEL', meta_key, '') -- a removal first: this must pass also when memory is full
  call('HSET', meta_key, '#', pk(META, layout, clock, written > now and written or now, held))
end

local function meta_now()
  return pk(META, layout, clock, written > now and written or now, held)
end
