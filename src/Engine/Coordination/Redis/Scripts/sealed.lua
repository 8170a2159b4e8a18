-- KEYS 1 s
return {now, call('HGETALL', KEYS[1])}
