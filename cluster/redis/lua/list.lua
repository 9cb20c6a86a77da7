-- ARGV: app, prefix.
local least, most = '-', '+'
if ARGV[6] ~= '' then
	least, most = '[' .. ARGV[6], '(' .. ARGV[6] .. '\255'
end
local found, now = {}, moment(clock())
for _, name in ipairs(call('ZRANGEBYLEX', BASE .. 'o' .. ARGV[5], least, most)) do
	local rec = find('c' .. ARGV[5] .. '/' .. name)
	if rec and rec.socks > 0 then
		found[#found + 1] = { name, rec.total, rec.present, rec.due - now, rec.due > now and call('HGET', rec.key, 'c') or '' }
	end
end
return { birth, head, found }
