-- ARGV: node, epoch, number of the last op it has forgotten, whether it wants
-- to enter, the birth of the memory that it followed, peers.
local id, epoch, before, enter = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8] == '1'
local x = node(id) or { id = id, status = ENTERING, epoch = 0, floor = 0, n = 0, struck = 0, stale = 0, full = '' }
if enter or x.status == STRUCK or epoch == 0 or x.epoch ~= epoch or x.n < before then
	x.epoch, x.status, x.n = math.max(x.epoch, epoch) + 1, ENTERING, math.max(x.n, before)
	saveNode(x)
end
local foreign = ARGV[9] ~= birth and ARGV[9] ~= ('\0'):rep(8)
for i = 10, #ARGV do
	local y = node(ARGV[i])
	if not y then
		call('HSETNX', NODES, ARGV[i], pack(NODE, ENTERING, 0, 0, 0, 0, 0))
	elseif y.status == STRUCK and foreign then
		y.status, y.epoch = ENTERING, y.epoch + 1
		saveNode(y)
	end
end
age()
local full = {}
for at = 1, #x.full, 8 do
	full[#full + 1] = (unpack_('>I8', x.full, at))
end
return { birth, head, standing(x), common(ARGV[9]), born(), full }
