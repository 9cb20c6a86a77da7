package ledger

// The log keeps entries for this long, in ms of ledger time, and at most these
// bytes.
const (
	logKept  = 15_000
	logBytes = 16 << 20
)

// pageBytes is the maximum bytes of the log in one answer: a server closes a
// connection with too much unsent data.
const pageBytes = 256 << 10

// log is the last entries, without a gap.
type log struct {
	entries []logged
	bytes   int
}

type logged struct {
	entry *Entry
	time  int64
	size  int
}

func (g *log) append(e *Entry, time int64, budget int) {
	if budget == 0 {
		budget = logBytes
	}
	size := 64 + e.Op.Size()
	for _, user := range e.Refused {
		size += 16 + len(user)
	}
	g.entries = append(g.entries, logged{e, time, size})
	g.bytes += size
	for g.bytes > budget {
		g.drop()
	}
}

func (g *log) drop() {
	g.bytes -= g.entries[0].size
	g.entries[0] = logged{}
	g.entries = g.entries[1:]
}

// trim drops entries that are too old.
func (g *log) trim(time int64) {
	for len(g.entries) > 0 && g.entries[0].time+logKept < time {
		g.drop()
	}
}

// after returns the entries after a position, oldest first, a page at most. missing
// is set if the log does not reach back to the position, or the position is of
// another memory.
func (g *log) after(position uint64, most, page int, head uint64) (entries []*Entry, missing bool) {
	if position > head || head-position > uint64(len(g.entries)) {
		return nil, true
	}
	rest := g.entries[len(g.entries)-int(head-position):]
	if page == 0 {
		page = pageBytes
	}
	for _, it := range rest[:min(len(rest), max(most, 0))] {
		if page -= it.size; page < 0 && len(entries) > 0 {
			break
		}
		entries = append(entries, it.entry)
	}
	return entries, false
}
