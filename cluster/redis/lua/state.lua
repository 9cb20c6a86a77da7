-- ARGV: subject. Go counts and sorts.
return { birth, head, time, call('HGETALL', NODES), call('HGETALL', BASE .. 's' .. ARGV[5]) }
