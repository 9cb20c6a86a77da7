-- ARGV: node, epoch.
local x, link = linked(ARGV[5], tonumber(ARGV[6]))
return { birth, head, link and 1 or 0, standing(x), call('HGETALL', NODES) }
