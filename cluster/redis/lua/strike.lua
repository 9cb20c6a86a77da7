-- ARGV: node.
local x = node(ARGV[5])
if x and x.status ~= STRUCK then
	strike(x)
	saveNode(x)
	save()
end
return { birth, head }
