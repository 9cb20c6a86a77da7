-- ARGV: subject, the events behind this seq, and before this one, whether the
-- newest come first, most.
return { birth, head, moment(clock()), readHistory(ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8] == '1', tonumber(ARGV[9])) }
