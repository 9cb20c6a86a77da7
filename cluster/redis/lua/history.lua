-- What subjects keep of their events (history.go): a list for each, the oldest
-- first. HIST has a field for each subject with a history, HDUE when there is
-- something to free of it, HBYTES what each app keeps; HGONE has, for subjects
-- without a history, the last event that may be missing, by bucket.
local HIST, HDUE, HBYTES, HGONE = BASE .. 'hist', BASE .. 'hdue', BASE .. 'hbytes', BASE .. 'hgone'
-- dropped, cleared, until when that is known, events, bytes, the last event, the
-- latest moment at which one is due; of the oldest: seq, when it is due
local HISTORY = '>I8I8I8I4I8I8I8I8I8'
local KEPT = '>I8I8I8I4' -- seq, clock, due, size; then the op
local CLEAR_KEPT, HISTORY_FREED, STATE_KEPT, PAGE_BYTES = 60 * 60 * 1000, 2000, 1000, 262144
-- A list ends by itself long after its events, for when no node is left.
local ALONE = 24 * 60 * 60 * 1000

local appBytes, appChanged = {}, {} -- of the apps looked at

local function bucket(subject) return sub(redis.sha1hex(subject), 1, 3) end
local function gone(subject) return tonumber(call('HGET', HGONE, bucket(subject)) or 0) end

local function grow(h, by)
	local total = appBytes[h.app] or tonumber(call('HGET', HBYTES, h.app) or 0)
	h.bytes, appBytes[h.app], appChanged[h.app] = h.bytes + by, total + by, true
end

-- history returns that of a subject, nil if it has none. One whose list the
-- server has let go keeps nothing any more.
local function history(subject)
	local text = call('HGET', HIST, subject)
	if not text then
		return nil
	end
	local h = { subject = subject, key = BASE .. 'h' .. subject, app = sub(subject, 2, string.find(subject, '/', 1, true) - 1) }
	h.dropped, h.cleared, h.till, h.count, h.bytes, h.last, h.latest, h.first, h.due = unpack_(HISTORY, text)
	if h.count > 0 and call('LLEN', h.key) ~= h.count then
		call('DEL', h.key)
		h.dropped, h.count = h.last, 0
		grow(h, -h.bytes)
	end
	return h
end

local function beginHistory(subject)
	local h = history(subject)
	if h then
		return h
	end
	return {
		subject = subject, key = BASE .. 'h' .. subject, app = sub(subject, 2, string.find(subject, '/', 1, true) - 1),
		dropped = gone(subject), cleared = 0, till = 0, count = 0, bytes = 0, last = 0, latest = 0, first = 0, due = 0,
	}
end

-- pop drops the oldest event.
local function pop(h)
	local at, _, _, size = unpack_(KEPT, call('LPOP', h.key))
	h.dropped, h.count = at, h.count - 1
	grow(h, -size)
	if h.count > 0 then
		h.first, _, h.due = unpack_(KEPT, call('LINDEX', h.key, 0))
	end
end

-- settle drops what is past its time at the front and writes a history down, or
-- forgets one that says nothing. It returns how many it has dropped.
local function settle(h)
	local dropped = 0
	while h.count > 0 and h.due <= time do
		pop(h)
		dropped = dropped + 1
	end
	if h.count > 0 then
		call('ZADD', HDUE, h.due, h.subject)
		call('ZADD', BASE .. 'hq' .. h.app, h.first, h.subject)
	else
		call('ZREM', BASE .. 'hq' .. h.app, h.subject)
		if h.till <= time then
			call('HDEL', HIST, h.subject)
			call('ZREM', HDUE, h.subject)
			call('HSET', HGONE, bucket(h.subject), math.max(gone(h.subject), h.dropped))
			return dropped
		end
		call('ZADD', HDUE, h.till, h.subject)
	end
	call('HSET', HIST, h.subject, pack(HISTORY, h.dropped, h.cleared, h.till, h.count, h.bytes, h.last, h.latest, h.first, h.due))
	return dropped
end

local function keep(subject, op, size, events, ttl, most)
	local h, now = beginHistory(subject), clock()
	local from = moment(now)
	call('RPUSH', h.key, pack(KEPT, seq, now, from + ttl, size) .. op)
	if h.count == 0 then
		h.first, h.due = seq, from + ttl
	end
	h.count, h.last, h.latest = h.count + 1, seq, math.max(h.latest, from + ttl)
	grow(h, size)
	while h.count > events do
		pop(h)
	end
	settle(h)
	call('PEXPIRE', h.key, h.latest - from + ALONE)
	while most > 0 and appBytes[h.app] > most do
		local oldest = history(call('ZRANGE', BASE .. 'hq' .. h.app, 0, 0)[1])
		if oldest.count > 0 then
			if oldest.first == seq then
				return
			end
			pop(oldest)
		end
		settle(oldest)
	end
end

local function clearHistory(subject)
	local h = beginHistory(subject)
	call('DEL', h.key)
	grow(h, -h.bytes)
	h.count, h.dropped, h.cleared, h.till = 0, seq, seq, time + CLEAR_KEPT
	settle(h)
end

local function freeHistories()
	local left = HISTORY_FREED
	for _, subject in ipairs(call('ZRANGEBYSCORE', HDUE, '-inf', time, 'LIMIT', 0, left)) do
		local h = history(subject)
		if h then
			left = left - settle(h)
		else
			call('ZREM', HDUE, subject)
		end
		left = left - 1
		if left <= 0 then
			break
		end
	end
end

local function saveHistories()
	for app in pairs(appChanged) do
		if appBytes[app] > 0 then
			call('HSET', HBYTES, app, appBytes[app])
		else
			call('HDEL', HBYTES, app)
		end
	end
end

-- readHistory returns the part of a history that is asked for: what is dropped, when
-- it was cleared, whether there is more, and the events.
local function readHistory(subject, after, before, backward, most)
	local h, now = history(subject), moment(clock())
	if not h then
		return { gone(subject), 0, 0, {} }
	end
	local function at(i) return (unpack_(KEPT, call('LINDEX', h.key, i))) end
	local dropped, from, to = h.dropped, 0, h.count
	if h.due <= now then
		while from < to do
			local it, _, due = unpack_(KEPT, call('LINDEX', h.key, from))
			if due > now then
				break
			end
			dropped, from = it, from + 1
		end
	end
	-- above is the place of the first event at or behind a seq.
	local function above(wanted, low, high)
		while low < high do
			local middle = math.floor((low + high) / 2)
			if at(middle) < wanted then
				low = middle + 1
			else
				high = middle
			end
		end
		return low
	end
	if after >= h.first then
		from = above(after + 1, from, to)
	end
	if before > 0 then
		to = above(before, from, to)
	end
	local found, more, left = {}, 0, PAGE_BYTES
	while from < to do
		local page
		if backward then
			page = call('LRANGE', h.key, math.max(to - 100, from), to - 1)
			to = to - #page
		else
			page = call('LRANGE', h.key, from, math.min(from + 100, to) - 1)
			from = from + #page
		end
		for i = 1, #page do
			local text = page[backward and #page + 1 - i or i]
			local _, _, _, size = unpack_(KEPT, text)
			left = left - size
			if #found >= most or left < 0 and #found > 0 then
				more, from = 1, to
				break
			end
			found[#found + 1] = text
		end
	end
	return { dropped, h.till > now and h.cleared or 0, more, found }
end
