-- What is remembered of a subject: one hash. '.' is the header; n<node> what a
-- node holds; m<user> a member; c the cached event.
local HEADER = '>I8I8I8I8I8I4I8I4I8'
-- epoch, sockets (0: no fact), users held, epoch in the node's index: none of
-- its facts was said before; the epoch it last said something in, and how many
-- of the users then
local FACT = '>I4I4I4I4I4I4'
local MARK_KEPT, MOST_MARK = 60 * 60 * 1000, 10000

local function readHeader(key, subject, text)
	local at, event, closed, closedAt, due, socks, total, present, counted = unpack_(HEADER, text)
	return { -- all fields at once: the table is of its size from the start
		key = key, subject = subject, seq = at, event = event, closed = closed, closedAt = closedAt, due = due,
		socks = socks, total = total, present = present, counted = counted,
	}
end

local function header(rec)
	return pack(HEADER, rec.seq, rec.event, rec.closed, rec.closedAt, rec.due, rec.socks, rec.total, rec.present, rec.counted)
end

local function readMember(text)
	local it = { ids = {}, epochs = {} }
	local n, at
	it.order, it.place, it.known, n, at = unpack_('>I8I4BI4', text)
	for i = 1, n do
		it.ids[i], it.epochs[i], at = unpack_('>c8I4', text, at)
	end
	it.info = sub(text, at)
	return it
end

local function writeMember(it)
	local text = pack('>I8I4BI4', it.order, it.place, it.known, #it.ids)
	for i, id in ipairs(it.ids) do
		text = text .. pack('>c8I4', id, it.epochs[i])
	end
	return text .. it.info
end

local function counts(id, epoch)
	local x = node(id)
	return x and epoch >= x.floor
end

local function index(id) return BASE .. 'i' .. id end

-- recount counts again after a floor was raised, and frees what does not count
-- any more. It returns how many fields it has looked at.
local function recount(rec)
	local all = call('HGETALL', rec.key)
	local facts, changed, members = {}, {}, {}
	for i = 1, #all, 2 do
		local kind, name = byte(all[i]), sub(all[i], 2)
		if kind == 110 then
			facts[name] = { unpack_(FACT, all[i + 1]) }
		elseif kind == 109 then
			members[#members + 1] = i
		end
	end
	local hadSocks, hadTotal = rec.socks, rec.total
	rec.socks, rec.total, rec.present, rec.counted = 0, 0, 0, floors
	for _, i in ipairs(members) do
		local it = readMember(all[i + 1])
		local ids, epochs = {}, {}
		for j, id in ipairs(it.ids) do
			if counts(id, it.epochs[j]) then
				ids[#ids + 1], epochs[#epochs + 1] = id, it.epochs[j]
			else
				facts[id][3] = facts[id][3] - 1
				if it.epochs[j] == facts[id][5] then
					facts[id][6] = facts[id][6] - 1
				end
				changed[id] = true
			end
		end
		if #ids == 0 then
			call('HDEL', rec.key, all[i])
			fell(rec.subject .. '\0m' .. sub(all[i], 2))
		else
			rec.present = rec.present + 1
			if #ids < #it.ids then
				it.ids, it.epochs = ids, epochs
				call('HSET', rec.key, all[i], writeMember(it))
			end
		end
	end
	for id, fact in pairs(facts) do
		if fact[2] > 0 then
			if counts(id, fact[1]) then
				rec.socks, rec.total = rec.socks + 1, rec.total + fact[2]
			else
				fact[2] = 0
				changed[id] = true
			end
		end
	end
	if hadSocks > 0 and rec.socks == 0 then
		fell(rec.subject .. '\0z')
	end
	if hadTotal ~= rec.total then
		tally(rec.subject, rec.total, false)
	end
	for id in pairs(changed) do
		local fact = facts[id]
		if fact[2] == 0 and fact[3] == 0 then
			call('HDEL', rec.key, 'n' .. id)
			call('ZREM', index(id), rec.subject)
		else
			call('HSET', rec.key, 'n' .. id, pack(FACT, unpack(fact, 1, 6)))
		end
	end
	call('HSET', rec.key, '.', header(rec))
	return #all / 2
end

local function marked(rec) return rec.closed ~= 0 and rec.closedAt + MARK_KEPT > time end

local function says(rec) return rec.socks > 0 or rec.present > 0 or rec.due > time or marked(rec) end

-- occupied is the index of an app's channels, nil for other subjects.
local function occupied(subject)
	if byte(subject) == 99 then
		local slash = string.find(subject, '/', 1, true)
		return BASE .. 'o' .. sub(subject, 2, slash - 1), sub(subject, slash + 1)
	end
end

local function drop(rec)
	for _, field in ipairs(call('HKEYS', rec.key)) do
		if byte(field) == 110 then
			call('ZREM', index(sub(field, 2)), rec.subject)
		end
	end
	call('DEL', rec.key)
	local key, name = occupied(rec.subject)
	if key then
		call('ZREM', key, name)
	end
	if rec.due ~= 0 then
		call('ZREM', DUE, rec.subject)
	end
	if rec.closed ~= 0 then
		call('ZREM', CLOSES, rec.subject)
	end
end

-- load returns the record as it is stored, but counted; work is recount's.
local function load(subject)
	local key = BASE .. 's' .. subject
	local text = call('HGET', key, '.')
	if not text then
		return nil, 1
	end
	local rec = readHeader(key, subject, text)
	if rec.counted ~= floors then
		return rec, recount(rec)
	end
	return rec, 1
end

local function sweep(rec)
	if says(rec) then
		return false
	end
	drop(rec)
	return true
end

local function find(subject)
	local rec = load(subject)
	if rec and not sweep(rec) then
		return rec
	end
end

local function open(subject)
	local key, name = occupied(subject)
	if key then
		call('ZADD', key, 0, name)
	end
	return {
		key = BASE .. 's' .. subject, subject = subject,
		seq = 0, event = 0, closed = 0, closedAt = 0, due = 0, socks = 0, total = 0, present = 0, counted = floors,
	}
end

local function saveRecord(rec)
	if not sweep(rec) then
		call('HSET', rec.key, '.', header(rec))
	end
end

local function unmark(rec)
	if rec.closed ~= 0 then
		call('ZREM', CLOSES, rec.subject)
		rec.closed = 0
	end
end
