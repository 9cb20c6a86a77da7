-- ARGV: node, the birth of the memory that gave it the term, term, the last record
-- it has, the last that is done with, most.
local id, term, have, ack, most = ARGV[5], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local SILENCE = 10000
local all = call('HMGET', META, 'last', 'boxbytes', 'lost', 'taken', 'keeper', 'term', 'heard')
local last, size, taken, current = tonumber(all[1] or 0), tonumber(all[2] or 0), tonumber(all[4] or 0), tonumber(all[6] or 0)
local length = call('LLEN', BOX)

local function alive(id)
	local x = id and node(id)
	return x and x.status ~= STRUCK
end

local function nothing() return { birth, head, 0, length, tonumber(all[3] or 0), {} } end

if not alive(id) then
	return nothing()
elseif term ~= 0 and term == current and ARGV[6] == birth and id == all[5] then
	while length > 0 and last - length + 1 <= ack do
		size, length = size - unpack_('>I4', call('LPOP', BOX)), length - 1
	end
	have = math.min(have, last)
	taken = math.max(taken, have)
elseif most > 0 and (not alive(all[5]) or taken < last - length + 1 or tonumber(all[7]) + SILENCE <= time) then
	have, taken, current = 0, 0, current + 1
else
	return nothing()
end
local from = math.max(have - (last - length), 0)
local given = {}
if most > 0 and from < length then
	given = call('LRANGE', BOX, from, from + most - 1)
	taken = math.max(taken, last - length + from + #given)
end
call('HSET', META, 'boxbytes', size, 'taken', taken, 'keeper', id, 'term', current, 'heard', time)
return { birth, head, current, length, tonumber(all[3] or 0), given }
