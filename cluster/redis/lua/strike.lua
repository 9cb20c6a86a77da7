-- ARGV: node, the last epoch in which it may be struck.
local x = node(ARGV[5])
if x and x.status ~= STRUCK and x.epoch <= tonumber(ARGV[6]) then
	strike(x)
	save()
end
return { birth, head, standing(x) }
