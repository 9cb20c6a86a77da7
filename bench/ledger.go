package bench

import "github.com/HdrHistogram/hdrhistogram-go"

// ledger records which events were sent, and measures deliveries: latency, losses,
// duplicates and order. It belongs to its loop's goroutine.
type ledger struct {
	channels, streams int

	next     []uint32 // by channel and stream: the next sequence number
	accepted []uint32 // by channel and stream: events that the server accepted
	due      []int64  // by event
	tracks   []track  // by socket and stream

	delivered  int64 // distinct deliveries
	duplicated int64
	reordered  int64
	strange    int64 // deliveries with an unknown stamp

	// from and to are the range of the measured events; earlier ones are warm-up.
	from, to    uint32
	since       []int64 // by socket: when it reconnected; events due before were recovered and have no latency. nil if sockets do not reconnect
	latency     *hdrhistogram.Histogram
	measured    int64 // distinct deliveries of measured events
	lastArrival int64

	lastText [stampSize]byte // one event arrives many times in a row
	last     stamp
}

// track is the deliveries of one stream to one socket.
type track struct {
	next uint32 // one above the highest sequence number
	seen uint64 // bit i: event next-1-i has arrived
}

func newLedger(sockets, channels, streams int) *ledger {
	return &ledger{
		channels: channels,
		streams:  streams,
		next:     make([]uint32, channels*streams),
		accepted: make([]uint32, channels*streams),
		tracks:   make([]track, sockets*streams),
		from:     ^uint32(0), // nothing is measured before measure
		to:       ^uint32(0),
		latency:  newHistogram(),
	}
}

// newHistogram returns a histogram of microseconds up to five minutes, with three
// digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, 300_000_000, 3)
}

// record adds nanoseconds to a histogram of microseconds.
func record(h *hdrhistogram.Histogram, nanoseconds int64) {
	_ = h.RecordValue(min(max(nanoseconds/1000, 1), 300_000_000)) // in range, so without error
}

// issue returns the stamp of an event that is due.
func (l *ledger) issue(channel int, stream uint32, due int64) stamp {
	i := channel*l.streams + int(stream)
	s := stamp{stream: stream, seq: l.next[i], event: uint32(len(l.due))}
	l.next[i]++
	l.due = append(l.due, due)
	return s
}

// accept counts an event that the server accepted.
func (l *ledger) accept(channel int, stream uint32) { l.accepted[channel*l.streams+int(stream)]++ }

// refuse reverts accept.
func (l *ledger) refuse(channel int, stream uint32) { l.accepted[channel*l.streams+int(stream)]-- }

// arrived counts a delivery to a socket. It reports whether it is the socket's
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

// outOfTurn counts a sequence number that is not the next one and reports whether
// it is new. A number before the window counts as a duplicate.
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

// owed returns how many events a socket of a channel should have received; own is
// its own stream, which it does not receive, or -1.
func (l *ledger) owed(channel, own int) (n int64) {
	for s := range l.streams {
		if s != own {
			n += int64(l.accepted[channel*l.streams+s])
		}
	}
	return n
}

// measure starts the measured part with the next event.
func (l *ledger) measure() { l.from = uint32(len(l.due)) }
