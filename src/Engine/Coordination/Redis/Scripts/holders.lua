-- KEYS o of each incarnation   ARGV 1 resource   -> one per key: what its owned set says of the resource, or empty
local out = {}
for i = 1, #KEYS do out[i] = call('HGET', KEYS[i], ARGV[1]) or '' end
return out
