package adminapi

import (
	"bytes"
	"time"
)

// sieve turns log lines into events, selects the wanted ones and limits their
// number per second. It is not safe for concurrent use.
type sieve struct {
	wanted  map[string]bool // kinds; empty selects all
	payload bool
	node    string
	now     func() time.Time

	partial []byte // the beginning of a line
	second  time.Time
	sent    int // in that second
	left    int // out and not yet reported
}

func newSieve(kinds []string, payload bool, node string, now func() time.Time) sieve {
	s := sieve{payload: payload, node: node, now: now, wanted: map[string]bool{}}
	for _, k := range kinds {
		s.wanted[k] = true
	}
	return s
}

// read parses log lines, of which b may hold only a part, and passes on the
// selected events.
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

// pass passes an event on unless this second's limit is reached.
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

// tell reports how many events were left out once the second is over.
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
