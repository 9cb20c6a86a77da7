-- What every script begins with: the partition's memory, its nodes and its log.
-- KEYS: meta, nodes, log, due, closes, told, coming, going, counts, box, then
-- those of the request.
-- ARGV: run, fresh birth, feed, budget of the log, then those of the request.
-- Go's package ledger says what all this is for; the names are the same.
local call, pack, unpack_, sub, byte = redis.call, struct.pack, struct.unpack, string.sub, string.byte
local META, NODES, LOG, DUE, CLOSES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local TOLD, COMING, GOING, COUNTS, BOX = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local BASE = sub(META, 1, -5)
local RUN, FRESH, FEED, BUDGET = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local ENTERING, OPEN, STRUCK = 1, 2, 3
-- Status, epoch, floor, n, struck, and whether facts of earlier epochs may be
-- left. Behind that stand the numbers of ops for which there was no memory.
local NODE, NODE_SIZE = '>BI4I4I8I8B', 26

local ANCESTOR = 16 -- bytes: the birth of a memory, and its last seq

local meta = call('HMGET', META, 'run', 'birth', 'seq', 'time', 'floors', 'bytes', 'young', 'ticked', 'clock')
local birth = meta[2]
local seq, time, floors, bytes = tonumber(meta[3] or 0), tonumber(meta[4] or 0), tonumber(meta[5] or 0), tonumber(meta[6] or 0)
local head = seq
local young, ticked = tonumber(meta[7] or 0), tonumber(meta[8] or 0)

-- clock is the server's, in ms, so nothing of a node's enters. moment is the
-- ledger's time at it; the tick writes both down.
local TICK_MOST = 2000
local function clock()
	local at = call('TIME')
	return at[1] * 1000 + math.floor(at[2] / 1000)
end
local function moment(now)
	return time + math.min(math.max(now - tonumber(meta[9] or 0), 0), TICK_MOST)
end

-- age notes whether a node has yet to say its facts.
local function age()
	young = 0
	local all = call('HGETALL', NODES)
	for i = 2, #all, 2 do
		if byte(all[i]) == ENTERING then
			young = 1
		end
	end
	call('HSET', META, 'young', young)
end

-- wake
if not birth or meta[1] ~= RUN then
	local ancestors = call('HGET', META, 'ancestors') or ''
	if birth then
		ancestors = sub(ancestors .. birth .. pack('>I8', seq), -16 * ANCESTOR)
	else
		call('DEL', LOG)
	end
	birth = FRESH
	call('HSET', META, 'run', RUN, 'birth', birth, 'ancestors', ancestors)
	call('HDEL', META, 'keeper', 'taken')
	local all = call('HGETALL', NODES)
	for i = 1, #all, 2 do
		local status, epoch, floor, n, struck, stale = unpack_(NODE, all[i + 1])
		if status ~= STRUCK then
			call('HSET', NODES, all[i], pack(NODE, ENTERING, epoch + 1, floor, n, struck, stale) .. sub(all[i + 1], NODE_SIZE + 1))
		end
	end
	age()
end

-- born is the place behind which the memory's own entries come.
local function born()
	local all = call('HGET', META, 'ancestors')
	if all == '' then
		return 0
	end
	return (unpack_('>I8', all, #all - 7))
end

-- common is up to which place the memory of a birth is part of this one.
local function common(other)
	if other == birth then
		return seq
	end
	local all = call('HGET', META, 'ancestors')
	for at = 1, #all, ANCESTOR do
		if sub(all, at, at + 7) == other then
			return (unpack_('>I8', all, at + 8))
		end
	end
	return 0
end

local nodes = {} -- those looked at; false is unknown

local function node(id)
	local x = nodes[id]
	if x == nil then
		local text = call('HGET', NODES, id)
		x = false
		if text then
			x = { id = id, full = sub(text, NODE_SIZE + 1) }
			x.status, x.epoch, x.floor, x.n, x.struck, x.stale = unpack_(NODE, text)
		end
		nodes[id] = x
	end
	return x
end

local function saveNode(x)
	call('HSET', NODES, x.id, pack(NODE, x.status, x.epoch, x.floor, x.n, x.struck, x.stale) .. x.full)
end

local function standing(x)
	if not x then
		return ''
	end
	return pack('>BI4I8', x.status, x.epoch, x.n)
end

local function linked(id, epoch)
	local x = node(id)
	return x, not x or x.status == STRUCK or x.epoch ~= epoch or epoch == 0
end

local NONE = {}

local function append(kind, id, epoch, prev, op, size, refused, feed, short)
	seq, size = seq + 1, size + 64
	local users = ''
	if #refused > 0 then
		for _, user in ipairs(refused) do
			users = users .. pack('>I4', #user) .. user
			size = size + 16 + #user
		end
	end
	-- Time and size are for the log. c0 is the whole of a text.
	local entry = pack('>BBI8I4I8I8c8c8I4I4c0I4c0I4', 1, kind, time, size, seq, prev, birth, id, epoch, #op, op, #refused, users, short or 0)
	call('RPUSH', LOG, entry)
	bytes = bytes + size
	while bytes > BUDGET do
		bytes = bytes - unpack_('>I4', call('LPOP', LOG), 11)
	end
	call('PUBLISH', feed, entry)
end

local function raise(x, floor)
	x.floor, x.stale = floor, 1
	floors = floors + 1
end

local function entered(x)
	if x.status == ENTERING then
		x.status = OPEN
		append(4, x.id, x.epoch, 0, '', 64, NONE, FEED .. '!')
		raise(x, x.epoch)
		saveNode(x)
		age()
	end
end

local function strike(x)
	if x.status ~= STRUCK then
		x.status, x.struck = STRUCK, time
		append(5, x.id, x.epoch, 0, '', 64, NONE, FEED .. '!')
		raise(x, x.epoch + 1)
		saveNode(x)
		age()
	end
end

local function save()
	call('HSET', META, 'seq', seq, 'floors', floors, 'bytes', bytes)
end
