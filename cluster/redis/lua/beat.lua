-- KEYS: beats. ARGV: node, count, about. A line is whether it is marked, the
-- count, since when (s), and about.
redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>BI8I8', 0, tonumber(ARGV[2]), 0) .. ARGV[3])
return redis.call('HGETALL', KEYS[1])
