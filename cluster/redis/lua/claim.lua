-- KEYS: layout, apps. ARGV: program, layout, partitions, whether nobody else is
-- there, then the id of each app and its keys with blanks between. The first node
-- says what the prefix is used for; the others are told. The answer ends with the
-- app that has other keys, or '*' if no app is one of this node's.
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
elseif redis.call('EXISTS', APPS) == 1 then
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
	redis.call('HSET', APPS, ARGV[i], ARGV[i + 1])
end
return said
