-- Members whose lease ran out, and fenced ones whose references are not all taken back; bounded.
local function expired(lease_key, fenced_key, limit)
  local found = call('ZRANGEBYSCORE', lease_key, '-inf', now, 'LIMIT', 0, limit)
  if #found < limit then
    for _, id in ipairs(call('ZRANGE', fenced_key, 0, limit - #found - 1)) do found[#found + 1] = id end
  end
  return found
end
