package adminapi

import (
	"bytes"
	"time"
)

// sieve makes events of lines of the log: those that are wanted, of which it lets
// so many through in a second. Its user locks.
type sieve struct {
	wanted  map[string]bool // kinds; none is all
	payload bool
	node    string
	now     func() time.Time

	partial []byte // the beginning of a line
	second  time.Time
	sent    int // in that second
	left    int // out, and not told yet
}

func newSieve(kinds []string, payload bool, node string, now func() time.Time) sieve {
	s := sieve{payload: payload, node: node, now: now, wanted: map[string]bool{}}
	for _, k := range kinds {
		s.wanted[k] = true
	}
	return s
}

// read goes over lines as they come, and hands on the events that go through.
func (s *sieve) read(b []byte, on func(*liveEvent)) {
	rest := b
	for {
		text, after, whole := bytes.Cut(rest, []byte{'\n'})
		if !whole {
			s.partial = append(s.partial, rest...)
			return
		}
		if e, ok := readLine(append(s.partial, text...), s.payload); ok && (len(s.wanted) == 0 || s.wanted[e.Kind] || e.Kind == "lost") {
			e.Node = s.node
			s.pass(e, on)
		}
		s.partial, rest = s.partial[:0], after
	}
}

// pass lets an event through if there is room for it in this second.
func (s *sieve) pass(e *liveEvent, on func(*liveEvent)) {
	if now := s.now(); now.Sub(s.second) >= time.Second {
		s.tellNow(on)
		s.second, s.sent = now, 0
	}
	if s.sent >= mostEvents {
		s.left += max(e.LeftOut, 1)
		return
	}
	s.sent++
	on(e)
}

// tell says how many were left out once the second is over.
func (s *sieve) tell(on func(*liveEvent)) {
	if s.left > 0 && s.now().Sub(s.second) >= time.Second {
		s.tellNow(on)
	}
}

func (s *sieve) tellNow(on func(*liveEvent)) {
	if s.left > 0 {
		on(&liveEvent{Time: s.now().UTC(), Kind: "lost", Level: "WARN", Message: "some events are not shown", Node: s.node, LeftOut: s.left})
		s.left = 0
	}
}
