-- ARGV: position, most.
local position = tonumber(ARGV[5])
if position == 0 then
	position = tonumber(call('HGET', META, 'born'))
end
local length, behind, most = call('LLEN', LOG), seq - position, tonumber(ARGV[6])
if behind < 0 or behind > length then
	return { birth, head, 1, {} }
end
if behind == 0 or most <= 0 then
	return { birth, head, 0, {} }
end
return { birth, head, 0, call('LRANGE', LOG, length - behind, length - behind + most - 1) }
