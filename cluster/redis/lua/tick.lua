-- ARGV: the grace of webhooks, ms.
local FREED, STRUCK_KEPT, MOST_STRUCK, LOG_KEPT = 500, 24 * 60 * 60 * 1000, 1000, 15000
local GRACE = tonumber(ARGV[5])

-- below compares ids. Lua's own order of texts is that of the server's language.
local function below(a, b)
	local a1, a2 = unpack_('>I4I4', a)
	local b1, b2 = unpack_('>I4I4', b)
	return a1 < b1 or a1 == b1 and a2 < b2
end

-- What fell before goes by the time before.
local all = call('HGETALL', NODES)
local left, struck = FREED, {}
for i = 1, #all, 2 do
	local id, text = all[i], all[i + 1]
	if byte(text, NODE_SIZE) == 1 and left > 0 then
		local x = node(id)
		local stale = call('ZRANGEBYSCORE', index(id), '-inf', '(' .. x.floor, 'LIMIT', 0, left)
		for _, subject in ipairs(stale) do
			local rec, work = load(subject)
			local text = rec and call('HGET', rec.key, 'n' .. id)
			if text then -- it has said some of its facts again
				local fact = { unpack_(FACT, text) }
				fact[4] = x.floor
				call('HSET', rec.key, 'n' .. id, pack(FACT, unpack(fact, 1, 6)))
				call('ZADD', index(id), x.floor, subject)
			else
				call('ZREM', index(id), subject)
			end
			if rec then
				saveRecord(rec)
			end
			left = left - work
			if left <= 0 then
				break
			end
		end
		if #stale == 0 then
			x.stale = 0
			saveNode(x)
		end
	end
	if byte(text) == STRUCK then
		struck[#struck + 1] = node(id)
	end
end

local now = clock()
time = moment(now)
call('HSET', META, 'clock', now, 'time', time, 'ticked', seq)
ticked = seq

local trimmed = false
while true do
	local oldest = call('LINDEX', LOG, 0)
	if not oldest then
		break
	end
	local at, size = unpack_('>I8I4', oldest, 3)
	if at + LOG_KEPT >= time then
		break
	end
	call('LPOP', LOG)
	bytes, trimmed = bytes - size, true
end
if trimmed then
	save()
end

for _, subject in ipairs(call('ZRANGEBYSCORE', DUE, '-inf', time, 'LIMIT', 0, FREED)) do
	local rec = load(subject)
	call('ZREM', DUE, subject)
	if rec then
		rec.due = 0
		call('HDEL', rec.key, 'c')
		saveRecord(rec)
	end
end

freeHistories()
saveHistories()

for _ = 1, FREED do
	local subject = call('ZRANGE', CLOSES, 0, 0)[1]
	local rec = subject and load(subject)
	if not rec or marked(rec) then
		break
	end
	unmark(rec)
	saveRecord(rec)
end

table.sort(struck, function(a, b)
	if a.struck ~= b.struck then
		return a.struck < b.struck
	end
	return below(a.id, b.id)
end)
local forgotten = false
for i, x in ipairs(struck) do
	if (i <= #struck - MOST_STRUCK or x.struck + STRUCK_KEPT <= time) and call('ZCARD', index(x.id)) == 0 then
		call('HDEL', NODES, x.id)
		forgotten = true
	end
end
if forgotten then
	all = call('HGETALL', NODES)
end
if young ~= 1 then
	for _, key in ipairs(call('ZRANGE', COMING, 0, FREED - 1)) do
		call('ZREM', COMING, key)
		call('HSET', TOLD, key, SETTLED)
		tell(key, true)
	end
	for _, key in ipairs(call('ZRANGE', GOING, 0, FREED - 1)) do
		local _, since = unpack_(THING, call('HGET', TOLD, key))
		if since + GRACE > time then
			break
		end
		call('ZREM', GOING, key)
		call('HDEL', TOLD, key)
		tell(key, false)
	end
	for _, subject in ipairs(call('ZRANGEBYSCORE', COUNTS, '-inf', time, 'LIMIT', 0, FREED)) do
		local rec, key = find(subject), subject .. '\0c'
		local n = rec and rec.total or 0
		call('ZREM', COUNTS, subject)
		if n == 0 then
			call('HDEL', TOLD, key)
		else
			call('HSET', TOLD, key, pack(TALLY, n, time + REST, 0, 0))
		end
		record(COUNT, subject, '', n, '', #subject)
	end
	saveBox()
end
return { birth, head, all, call('LLEN', BOX), tonumber(call('HGET', META, 'lost') or 0) }
