-- KEYS: layout. ARGV: program, layout, partitions. The first node says what the
-- prefix is used for; the others are told.
if redis.call('EXISTS', KEYS[1]) == 0 then
	redis.call('HSET', KEYS[1], 'program', ARGV[1], 'layout', ARGV[2], 'partitions', ARGV[3])
end
return redis.call('HMGET', KEYS[1], 'program', 'layout', 'partitions')
