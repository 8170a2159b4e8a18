-- KEYS 1 m  2 t
return {now, call('HGETALL', KEYS[1]), call('HGETALL', KEYS[2])}
