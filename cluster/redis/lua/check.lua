-- Runs every command of the other scripts once. KEYS: two that are not used
-- otherwise. ARGV: a feed. The answer is what was refused, '' if nothing.
local key, other = KEYS[1], KEYS[2]
local refused = ''
for _, command in ipairs({
	{ 'DEL', key, other }, { 'EXISTS', key },
	{ 'HSET', key, 'a', 1 }, { 'HSETNX', key, 'a', 1 }, { 'HGET', key, 'a' }, { 'HMGET', key, 'a' }, { 'HGETALL', key }, { 'HKEYS', key },
	{ 'HDEL', key, 'a' },
	{ 'RPUSH', key, 1 }, { 'LLEN', key }, { 'LINDEX', key, 0 }, { 'LRANGE', key, 0, 1 }, { 'LPOP', key },
	{ 'ZADD', other, 1, 'a' }, { 'ZCARD', other }, { 'ZRANGE', other, 0, 0 }, { 'ZRANGEBYSCORE', other, 0, 1 }, { 'ZRANGEBYLEX', other, '-', '+' },
	{ 'ZREM', other, 'a' },
	{ 'TIME' }, { 'PUBLISH', ARGV[1], '' },
}) do
	local answer = redis.pcall(unpack(command))
	if type(answer) == 'table' and answer.err then
		refused = refused .. command[1] .. ': ' .. answer.err .. '; '
	end
end
return refused
