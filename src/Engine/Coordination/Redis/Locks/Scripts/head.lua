-- What every transition of the locks begins with. A partition is a fixed set of keys with one hash tag:
--
--   c  hash  '#' -> meta, session -> session record                 r  hash  resource -> record of holders, with counts of waiters
--   l  zset  sessions by lease deadline                             q  zset  who waits, by resource, line and place
--   e  zset  dead sessions that still have handles                  w  zset  resources that somebody waits for
--   h  zset  handles, by session and number                         b  zset  bounded holds by deadline
--
-- e, h, q and w have scores of 0: they are ordered by their bytes, so what names begin with finds a range, and the members carry what belongs to them.
-- Records are packed, integers of 7 bytes: a double is exact up to 2^53, and so are microseconds until the year 2255. What orders is big-endian, the rest little-endian.
--
--   session  19 bytes: the tick of its issue, 12 bytes of its engine       handle  26 bytes: its session, its number
--
-- A script is atomic but is not rolled back: each one reads and computes everything first and writes last. Only the server's clock is asked.
local call, up, pk, sub, byte = redis.call, struct.unpack, struct.pack, string.sub, string.byte
local C, L, E, H, R, Q, W, B = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local NEVER = 9007199254740992
local META = '<c8I7I7'              -- layout, clock, last write
local SESSION = '<I7I7I7I2'         -- lease deadline, lease, floor, length of the description; then description and finished numbers (ascending, big-endian)
local EXCLUSIVE, SHARED, UPGRADEABLE, PERMIT, RENDEZVOUS, SIGNAL, AWAIT = 0, 1, 2, 3, 4, 5, 6
local WRITERS_FIRST, FIFO = 0, 1
local GRANTED, REVOCATION, HOLD_ENDED, SESSION_ENDED = 0, 1, 2, 3
local moment = call('TIME')
local now = moment[1] * 1000000 + moment[2]

-- All members of a sorted set whose bytes begin so, a page of them. No byte of 255 follows: what comes next is a number below 2^53, or a line.
local function starting(key, bytes, from, count)
  return call('ZRANGE', key, '[' .. bytes, '(' .. bytes .. '\255', 'BYLEX', 'LIMIT', from, count)
end

