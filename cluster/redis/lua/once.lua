-- Marks of what is to be done once: of each app a sorted set, by when they end. So
-- that those of an app that is quiet do not stay for ever it ends by itself.
local MOST_MARKS, FREED_MARKS, MARKS_KEPT = 100000, 8, 60000
local ONCE = '>I8c16' -- ms, mark

local function used(app, mark, now)
	local due = call('ZSCORE', BASE .. 'u' .. app, mark)
	return due and tonumber(due) > now
end

local function use(app, mark, due, ms)
	local key = BASE .. 'u' .. app
	call('ZADD', key, due, mark)
	local over = call('ZRANGEBYSCORE', key, '-inf', time, 'LIMIT', 0, FREED_MARKS)
	if #over > 0 then
		call('ZREM', key, unpack(over))
	end
	if call('ZCARD', key) > MOST_MARKS then
		call('ZPOPMIN', key)
	end
	if call('PTTL', key) < ms + MARKS_KEPT then
		call('PEXPIRE', key, ms + MARKS_KEPT)
	end
end

local function appOf(subject) return sub(subject, 2, string.find(subject, '/', 1, true) - 1) end
