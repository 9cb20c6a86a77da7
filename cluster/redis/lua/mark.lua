-- KEYS: beats. ARGV: node, count, about, for a line that says nothing. Lines that were marked a day ago are deleted.
local DAY = 24 * 60 * 60
local now = tonumber(redis.call('TIME')[1])
local line = redis.call('HGET', KEYS[1], ARGV[1]) or struct.pack('>BI8I8', 0, 0, 0)
local dead, count = struct.unpack('>BI8', line)
if dead == 0 and count == tonumber(ARGV[2]) then
	local about = string.sub(line, 18)
	redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>BI8I8', 1, count, now) .. (about ~= '' and about or ARGV[3]))
end

local function past(line)
	if #line < 17 then -- it is of another program
		return false
	end
	local dead, _, since = struct.unpack('>BI8I8', line)
	return dead == 1 and since + DAY < now
end

local all = redis.call('HGETALL', KEYS[1])
local left = {}
for i = 1, #all, 2 do
	if past(all[i + 1]) then
		redis.call('HDEL', KEYS[1], all[i])
	else
		left[#left + 1], left[#left + 2] = all[i], all[i + 1]
	end
end
return left
