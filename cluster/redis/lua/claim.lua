-- KEYS: layout, apps. ARGV: program, layout, partitions, '1' if nobody else is
-- there or '2' if this node is, then the id of each app and its keys with blanks
-- between, none if it serves the app no more. The first node says what the prefix
-- is used for; others that come are told. The answer ends with the app that has
-- other keys, or '*' if no app is one of this node's.
local LAYOUT, APPS = KEYS[1], KEYS[2]
if redis.call('EXISTS', LAYOUT) == 0 then
	redis.call('HSET', LAYOUT, 'program', ARGV[1], 'layout', ARGV[2], 'partitions', ARGV[3])
end
local said = redis.call('HMGET', LAYOUT, 'program', 'layout', 'partitions')
for i = 1, 3 do
	if said[i] ~= ARGV[i] then
		return said
	end
end
if #ARGV == 4 then
	return said
end
if ARGV[4] == '1' then
	redis.call('DEL', APPS)
elseif ARGV[4] == '0' and redis.call('EXISTS', APPS) == 1 then
	local common = false
	for i = 5, #ARGV, 2 do
		local keys = redis.call('HGET', APPS, ARGV[i])
		if keys then
			local same = false
			for key in string.gmatch(ARGV[i + 1], '%S+') do
				same = same or string.find(' ' .. keys .. ' ', ' ' .. key .. ' ', 1, true) ~= nil
			end
			if not same then
				said[4] = ARGV[i]
				return said
			end
			common = true
		end
	end
	if not common then
		said[4] = '*'
		return said
	end
end
for i = 5, #ARGV, 2 do
	if ARGV[i + 1] == '' then
		redis.call('HDEL', APPS, ARGV[i])
	else
		redis.call('HSET', APPS, ARGV[i], ARGV[i + 1])
	end
end
return said
