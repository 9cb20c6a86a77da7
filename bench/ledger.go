package bench

import "github.com/HdrHistogram/hdrhistogram-go"

// ledger knows what was sent and books what arrives: how late, and whether
// once and in order. It belongs to its loop's goroutine.
type ledger struct {
	channels, streams int

	next     []uint32 // by channel and stream: the next sequence number
	accepted []uint32 // by channel and stream: events the server took
	due      []int64  // by event
	tracks   []track  // by socket and stream

	delivered  int64 // distinct
	duplicated int64
	reordered  int64
	strange    int64 // with a stamp nobody made

	// from and to bound the events whose latency counts; those before are
	// warm-up.
	from, to    uint32
	since       []int64 // by socket: when it came back; what was due before was recovered, and has no latency. nil if none comes back
	latency     *hdrhistogram.Histogram
	measured    int64 // distinct deliveries of them
	lastArrival int64

	lastText [stampSize]byte // one event arrives many times in a row
	last     stamp
}

// track is what one socket has had of one stream.
type track struct {
	next uint32 // one above the highest sequence number
	seen uint64 // bit i: next-1-i has come
}

func newLedger(sockets, channels, streams int) *ledger {
	return &ledger{
		channels: channels,
		streams:  streams,
		next:     make([]uint32, channels*streams),
		accepted: make([]uint32, channels*streams),
		tracks:   make([]track, sockets*streams),
		from:     ^uint32(0), // nothing counts before measure
		to:       ^uint32(0),
		latency:  newHistogram(),
	}
}

// newHistogram counts microseconds up to five minutes, to three digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, 300_000_000, 3)
}

// record adds nanoseconds to a histogram of microseconds.
func record(h *hdrhistogram.Histogram, nanoseconds int64) {
	_ = h.RecordValue(min(max(nanoseconds/1000, 1), 300_000_000)) // in range, so without error
}

// issue makes the stamp of an event that is due.
func (l *ledger) issue(channel int, stream uint32, due int64) stamp {
	i := channel*l.streams + int(stream)
	s := stamp{stream: stream, seq: l.next[i], event: uint32(len(l.due))}
	l.next[i]++
	l.due = append(l.due, due)
	return s
}

// accept books that the server took an event.
func (l *ledger) accept(channel int, stream uint32) { l.accepted[channel*l.streams+int(stream)]++ }

// refuse takes accept back.
func (l *ledger) refuse(channel int, stream uint32) { l.accepted[channel*l.streams+int(stream)]-- }

// arrived books a delivery to a socket. It reports whether it is the socket's
// first of that event.
func (l *ledger) arrived(socket int32, text []byte, now int64) (stamp, bool) {
	if string(text) != string(l.lastText[:]) {
		s, ok := parseStamp(text)
		if !ok || int(s.stream) >= l.streams || int(s.event) >= len(l.due) {
			l.strange++
			return stamp{}, false
		}
		copy(l.lastText[:], text)
		l.last = s
	}
	s := l.last
	t := &l.tracks[int(socket)*l.streams+int(s.stream)]
	if s.seq == t.next {
		t.next++
		t.seen = t.seen<<1 | 1
	} else if !l.outOfTurn(t, s.seq) {
		l.duplicated++
		return s, false
	}
	l.delivered++
	if s.event >= l.from && s.event < l.to && (l.since == nil || l.due[s.event] >= l.since[socket]) {
		l.measured++
		l.lastArrival = now
		record(l.latency, now-l.due[s.event])
	}
	return s, true
}

// outOfTurn books a sequence number that is not the next one and reports whether
// it is new. What lies further back than the window counts as a duplicate.
func (l *ledger) outOfTurn(t *track, seq uint32) bool {
	if seq > t.next {
		t.seen = t.seen<<(seq+1-t.next) | 1
		t.next = seq + 1
		return true
	}
	back := t.next - 1 - seq
	if back >= 64 || t.seen&(1<<back) != 0 {
		return false
	}
	t.seen |= 1 << back
	l.reordered++
	return true
}

// owed is how many events a socket of a channel should have had; own is its own
// stream, which does not come back to it, or -1.
func (l *ledger) owed(channel, own int) (n int64) {
	for s := range l.streams {
		if s != own {
			n += int64(l.accepted[channel*l.streams+s])
		}
	}
	return n
}

// measure begins what counts, at the next event.
func (l *ledger) measure() { l.from = uint32(len(l.due)) }
