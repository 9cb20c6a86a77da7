-- What back ends were told (told.go, tally.go, outbox.go). TOLD has a field for
-- each channel, <subject>\0z, for each member, <subject>\0m<user>, and for the
-- number of sockets, <subject>\0c.
local THING = '>BI8I8' -- status, since, order
local THERE, COMES, GOES = 0, 1, 2
local SETTLED = pack(THING, THERE, 0, 0)
local TALLY = '>I8I8BI8' -- told, when it may be told again, whether it waits, when it is due
local OFTEN, REST = 100, 5000
local BOX_BYTES = 1048576
local OCCUPIED, VACATED, ADDED, REMOVED, COUNT, EVENT = 1, 2, 3, 4, 5, 6

local outbox -- its numbers, once something was put into it

local function record(kind, subject, user, count, op, size)
	if not outbox then
		local all = call('HMGET', META, 'last', 'boxbytes', 'lost', 'taken')
		outbox = { last = tonumber(all[1] or 0), bytes = tonumber(all[2] or 0), lost = tonumber(all[3] or 0), taken = tonumber(all[4] or 0) }
	end
	outbox.last, outbox.bytes = outbox.last + 1, outbox.bytes + size + 64
	call('RPUSH', BOX, pack('>I4BBI8c8I8I4I4', size + 64, 1, kind, outbox.last, birth, count, #subject, #user) .. subject .. user .. op)
	while outbox.bytes > BOX_BYTES do
		if outbox.last - call('LLEN', BOX) + 1 > outbox.taken then
			outbox.lost = outbox.lost + 1
		end
		outbox.bytes = outbox.bytes - unpack_('>I4', call('LPOP', BOX))
	end
end

local function saveBox()
	if outbox then
		call('HSET', META, 'last', outbox.last, 'boxbytes', outbox.bytes, 'lost', outbox.lost)
	end
end

local function tell(key, here)
	local at = string.find(key, '\0', 1, true)
	local subject, member = sub(key, 1, at - 1), byte(key, at + 1) == 109
	local kind = member and (here and ADDED or REMOVED) or (here and OCCUPIED or VACATED)
	local user = sub(key, at + 2)
	record(kind, subject, user, 0, '', #subject + #user)
end

local function goes(key, order)
	call('HSET', TOLD, key, pack(THING, GOES, time, order))
	call('ZADD', GOING, order, key)
end

local function compare(key, here, wanted, known, order)
	local text = call('HGET', TOLD, key)
	if not text then
		if not wanted or not here and not known then
			return
		elseif not here then
			goes(key, order)
		elseif not known and young == 1 then
			call('HSET', TOLD, key, pack(THING, COMES, 0, order))
			call('ZADD', COMING, order, key)
		else
			call('HSET', TOLD, key, SETTLED)
			if not known then
				tell(key, true)
			end
		end
		return
	end
	local status = byte(text)
	if here and status == COMES and known then
		call('ZREM', COMING, key)
		call('HSET', TOLD, key, SETTLED)
	elseif here and status == GOES then
		call('ZREM', GOING, key)
		call('HSET', TOLD, key, SETTLED)
	elseif not here and status == COMES then
		call('ZREM', COMING, key)
		call('HDEL', TOLD, key)
	elseif not here and status == THERE then
		goes(key, order)
	end
end

local function tally(subject, n, wanted)
	local key = subject .. '\0c'
	local text = call('HGET', TOLD, key)
	local told, again, queued, due = 0, 0, 0, time
	if text then
		told, again, queued = unpack_(TALLY, text)
	elseif not wanted or n == 0 then
		return
	end
	if n ~= told then
		if n > OFTEN then
			due = math.max(time, again)
		end
		call('ZADD', COUNTS, due, subject)
		call('HSET', TOLD, key, pack(TALLY, told, again, 1, due))
		return
	end
	if queued == 1 then
		call('ZREM', COUNTS, subject)
	end
	if n == 0 then
		call('HDEL', TOLD, key)
	else
		call('HSET', TOLD, key, pack(TALLY, told, again, 0, 0))
	end
end

-- Who turns out not to count any more went at the last tick.
local function fell(key) compare(key, false, false, false, 2 * ticked + 1) end
