-- ARGV: position, most. A server closes a connection on which too much waits.
local PAGE_BYTES = 262144
local length, behind, most = call('LLEN', LOG), seq - tonumber(ARGV[5]), tonumber(ARGV[6])
if behind < 0 or behind > length then
	return { birth, head, 1, {} }
end
if behind == 0 or most <= 0 then
	return { birth, head, 0, {} }
end
local entries, page = call('LRANGE', LOG, length - behind, length - behind + most - 1), PAGE_BYTES
for i = 1, #entries do
	if #entries[i] >= 14 then -- else it is of another program, as Go finds out
		page = page - unpack_('>I4', entries[i], 11)
	end
	if page < 0 and i > 1 then
		for j = #entries, i, -1 do
			entries[j] = nil
		end
		break
	end
end
return { birth, head, 0, entries }
