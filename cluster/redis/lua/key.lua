-- ARGV: whether memory is out, app, key, what it came with, ms.
local app, mark, with, ms, now = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9]), moment(clock())
local answer = 1
if used(app, mark, now) then
	answer = used(app, with, now) and 2 or 3
elseif ARGV[5] == '1' then
	answer = 4
else
	use(app, mark, now + ms, ms)
	use(app, with, now + ms + 1, ms)
end
return { birth, head, answer }
