-- Turns a member into a tombstone: from now on its batches change nothing. Its references stay until they are reaped.
local function fence(member_key, lease_key, tomb_key, purge_key, id, member, life, references)
  local last, hash = up(MEMBER, member)
  local purge_at = after(now, life)
  call('ZREM', lease_key, id)
  call('HDEL', member_key, id)
  call('HSET', tomb_key, id, pk(TOMB, last, hash, purge_at, references) .. sub(member, 34))
  call('ZADD', purge_key, purge_at, id)
end
