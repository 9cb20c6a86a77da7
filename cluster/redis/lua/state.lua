-- ARGV: subject. Go counts and sorts.
return {
	birth, head, time, moment(clock()), call('HGETALL', NODES), call('HGETALL', BASE .. 's' .. ARGV[5]),
	readHistory(ARGV[5], 0, 0, true, STATE_KEPT),
}
