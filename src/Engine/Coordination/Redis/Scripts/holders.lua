-- KEYS o of each incarnation   ARGV 1 resource   -> one per key: whether it holds the resource
local out = {}
for i = 1, #KEYS do out[i] = call('HEXISTS', KEYS[i], ARGV[1]) end
return out
