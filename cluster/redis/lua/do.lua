-- ARGV: whether memory is out, node, epoch, and of each op: its numbers,
-- subject, op, then the users: off, then on with their infos.
-- A cached event is its seq, the birth of the memory it came to, its place in a
-- memory before that (0 if it was accepted), whose op it was, and the op.
local full, id, epoch = ARGV[5] == '1', ARGV[6], tonumber(ARGV[7])
-- kind, n, size, sockets, limit, whether it is exempt, ms, off, on, place before, hooks, whether it is known,
-- how it is kept: events, ms, bytes of the app
local OP = '>BI8I4I4I4BI8I4I4c8I8BBI4I8I8'
local OP_SIZE = struct.size(OP) -- behind it ONCE, of an event that is to come once
local NOWHERE = string.rep('\0', 8)
local refusedOps, placed = {}, {}

local function wants(hooks, bit_) return bit.band(hooks, bit_) ~= 0 end

local function hold(x, at, subject, op, size, sockets, limit, exempt, off, on, hooks, known)
	local rec = find(subject) or open(subject)
	local field = 'n' .. id
	local factEpoch, had, held, said, last, fresh = 0, 0, 0, 0, epoch, 0
	local text = call('HGET', rec.key, field)
	if text then
		factEpoch, had, held, said, last, fresh = unpack_(FACT, text)
	end
	if last ~= epoch then
		fresh = 0
	end
	if had > 0 and factEpoch >= x.floor then
		rec.socks, rec.total = rec.socks - 1, rec.total - had
	else
		had = 0
	end
	local short = 0
	if byte(subject) == 97 and exempt == 0 and limit > 0 then -- an app's share
		short = math.max(sockets - math.max(limit - rec.total, had), 0)
		sockets = sockets - short
	end
	if sockets > 0 then
		rec.socks, rec.total = rec.socks + 1, rec.total + sockets
		factEpoch = epoch
	end

	local members, touched = {}, {}
	local function member(user)
		local it = members[user]
		if it == nil then
			local text = call('HGET', rec.key, 'm' .. user)
			it = text and readMember(text) or false
			members[user] = it
			touched[#touched + 1] = user
		end
		return it
	end
	local function present(it)
		for i, holder in ipairs(it.ids) do
			if counts(holder, it.epochs[i]) then
				return true
			end
		end
		return false
	end

	for i = at, at + off - 1 do
		local it = member(ARGV[i])
		if it then
			local before = present(it)
			for j, holder in ipairs(it.ids) do
				if holder == id then
					table.remove(it.ids, j)
					held = held - 1
					if table.remove(it.epochs, j) == epoch then
						fresh = fresh - 1
					end
					break
				end
			end
			if before and not present(it) then
				rec.present = rec.present - 1
			end
			if #it.ids == 0 then
				members[ARGV[i]] = false
			end
		end
	end
	local refused, offAt = {}, at
	at = at + off
	for i = 0, on - 1 do
		local user, info = ARGV[at + 2 * i], ARGV[at + 2 * i + 1]
		local it = member(user)
		local here = it and present(it)
		if not here and exempt == 0 and (full or limit > 0 and rec.present >= limit) then
			refused[#refused + 1] = user
		else
			if not here then
				it = it or { ids = {}, epochs = {} }
				members[user] = it
				it.order, it.place, it.known, it.info = seq + 1, i, byte(info), sub(info, 2)
				rec.present = rec.present + 1
			end
			local found = #it.ids + 1
			for j, holder in ipairs(it.ids) do
				if holder == id then
					found = j
				end
			end
			if found > #it.ids then
				held = held + 1
			end
			if it.epochs[found] ~= epoch then
				fresh = fresh + 1
			end
			it.ids[found], it.epochs[found] = id, epoch
		end
	end

	local prev = rec.seq
	rec.seq = seq + 1
	append(1, id, epoch, prev, op, size, refused, FEED .. ':' .. subject, short)

	if hooks ~= 0 or call('EXISTS', TOLD) == 1 then
		local here = rec.socks > 0
		if here then
			compare(subject .. '\0z', true, wants(hooks, 1), known, 2 * seq)
		end
		local function user(name, isOff)
			local there = members[name] and present(members[name])
			compare(subject .. '\0m' .. name, there, wants(hooks, 2), known and (there or isOff), 2 * seq)
		end
		for i = offAt, at - 1 do
			user(ARGV[i], true)
		end
		for i = 0, on - 1 do
			user(ARGV[at + 2 * i], false)
		end
		if not here then
			compare(subject .. '\0z', false, wants(hooks, 1), known, 2 * seq)
		end
		tally(subject, rec.total, wants(hooks, 4))
	end
	for _, user in ipairs(touched) do
		local it = members[user]
		if it then
			call('HSET', rec.key, 'm' .. user, writeMember(it))
		else
			call('HDEL', rec.key, 'm' .. user)
		end
	end
	if sockets == 0 and held == 0 then
		if text then
			call('HDEL', rec.key, field)
			call('ZREM', index(id), subject)
		end
		saveRecord(rec)
		return
	end
	if said ~= epoch and fresh == held then
		said = epoch
		call('ZADD', index(id), epoch, subject)
	end
	call('HSET', rec.key, field, pack(FACT, factEpoch, sockets, held, said, epoch, fresh))
	saveRecord(rec)
end

local function remember(rec, op, ms, wasBirth, was)
	rec.due = moment(clock()) + ms
	call('ZADD', DUE, rec.due, rec.subject)
	call('HSET', rec.key, 'c', pack('>I8c8c8I8', seq, birth, wasBirth, was) .. id .. op)
end

local function event(n, subject, op, size, ms, hooks, events, ttl, most)
	if full then
		refusedOps[#refusedOps + 1] = n
		return
	end
	local rec = find(subject)
	if not rec and ms > 0 then
		rec = open(subject)
	end
	append(2, id, epoch, rec and rec.seq or 0, op, size, NONE, FEED .. ':' .. subject)
	if wants(hooks, 8) then
		record(EVENT, subject, '', 0, op, size)
	end
	if rec then
		rec.seq, rec.event = seq, seq
		if ms > 0 then
			remember(rec, op, ms, NOWHERE, 0)
		end
		saveRecord(rec)
	end
	if events > 0 then
		keep(subject, op, size, events, ttl, most)
		placed[#placed + 1], placed[#placed + 2] = n, seq
	end
end

local function recall(n, subject, op, size, ms, wasBirth, was)
	if full then
		refusedOps[#refusedOps + 1] = n
		return
	end
	if common(wasBirth) >= was then
		return
	end
	local rec = find(subject)
	if rec and rec.due > moment(clock()) then
		local _, memory, beforeBirth, before = unpack_('>I8c8c8I8', call('HGET', rec.key, 'c'))
		if beforeBirth == wasBirth and before >= was or beforeBirth ~= wasBirth and memory == birth then
			return
		end
	end
	rec = rec or open(subject)
	append(6, id, epoch, rec.seq, op, size, NONE, FEED .. ':' .. subject)
	rec.seq = seq
	remember(rec, op, ms, wasBirth, was)
	saveRecord(rec)
end

local function clear(subject, op, size)
	local rec = find(subject)
	append(8, id, epoch, rec and rec.seq or 0, op, size, NONE, FEED .. ':' .. subject)
	if rec then
		rec.seq = seq
		saveRecord(rec)
	end
	clearHistory(subject)
end

local function close(subject, op, size)
	local rec = find(subject) or open(subject)
	append(3, id, epoch, rec.seq, op, size, NONE, FEED .. ':' .. subject)
	rec.seq = seq
	unmark(rec)
	if call('ZCARD', CLOSES) >= MOST_MARK then
		local oldest = find(call('ZRANGE', CLOSES, 0, 0)[1])
		if oldest then
			unmark(oldest)
			saveRecord(oldest)
		end
	end
	rec.closed, rec.closedAt = seq, time
	call('ZADD', CLOSES, seq, subject)
	saveRecord(rec)
end

local x, link = linked(id, epoch)
local at, changed, done, key = 8, false, 0, ''

local function run()
	while at <= #ARGV and not link do
		local kind, n, size, sockets, limit, exempt, ms, off, on, wasBirth, was, hooks, known, events, ttl, most = unpack_(OP, ARGV[at])
		local once, onceFor, mark, app, now = sub(ARGV[at], OP_SIZE + 1)
		local subject, op = ARGV[at + 1], ARGV[at + 2]
		at = at + 3
		if n > x.n then
			if n > x.n + 1 or x.status == STRUCK then
				link = true
				break
			end
			done, key = x.n, BASE .. 's' .. subject
			x.n, changed = n, true
			if once ~= '' and not full then
				onceFor, mark = unpack_(ONCE, once)
				app, now = appOf(subject), moment(clock())
				if used(app, mark, now) then
					kind, once = 0, ''
				end
			end
			if kind == 1 then
				hold(x, at, subject, op, size, sockets, limit, exempt, off, on, hooks, known == 1)
			elseif kind == 2 then
				event(n, subject, op, size, ms, hooks, events, ttl, most)
			elseif kind == 3 then
				close(subject, op, size)
			elseif kind == 4 then
				entered(x)
			elseif kind == 5 then
				strike(x)
			elseif kind == 6 then
				recall(n, subject, op, size, ms, wasBirth, was)
			elseif kind == 8 then
				clear(subject, op, size)
			end
			if once ~= '' and not full then -- done, so that what has failed is not taken for it
				use(app, mark, now + onceFor, onceFor)
			end
		end
		at = at + off + 2 * on
	end
end

-- What another program has written fails an op. The server takes nothing back, so
-- what was done before it counts, and no other entry gets the place of one that
-- was pushed.
local fine, why = pcall(run)
if #refusedOps > 0 then
	x.full = ''
	for _, n in ipairs(refusedOps) do
		x.full = x.full .. pack('>I8', n)
	end
end
if changed then
	if not fine then
		x.n = done
	end
	saveNode(x)
	save()
	saveBox()
	saveHistories()
end
if not fine then
	return redis.error_reply((type(why) == 'table' and why.err or 'ERR ' .. tostring(why)) .. ' (at ' .. key .. ')')
end
return { birth, head, link and 1 or 0, standing(x), refusedOps, placed }
