package channels

// place is a socket's membership of a group: of a channel's subscribers or a
// user's watchers. The place and the subscriber in the group hold each other's
// position, so that leaving takes constant time.
type place struct {
	group *group
	index int32 // in the group; unanswered until the cluster answers
	again bool  // subscribed again and not answered yet
	first bool  // the socket was never on as many channels before; see firstFree
}

const unanswered = -1

func (p *place) channel() *channel { return p.group.channel }

// waits reports whether the cluster's answer is missing. Until it comes,
// further messages for the channel are held, so that they are handled in order,
// and answers, which may be long, are made one at a time.
func (p *place) waits() bool { return p.index == unanswered || p.again }

// userID returns the member's user id on a presence channel, else "".
func (p *place) userID() string { return p.group.userID(p.index) }

// Positions of a session's places: channels from 0 up, ownPlace for the user's
// own channel, and watched users from firstWatch down.
const (
	ownPlace   = -1
	firstWatch = -2
)

// place returns the place at a position.
func (s *Session) place(where int32) *place {
	switch {
	case where >= 0:
		return &s.places[where]
	case where == ownPlace:
		return &s.user.own
	default:
		return &s.user.watches[firstWatch-where]
	}
}

// few is the number of places up to which a linear search is used.
const few = 16

// finder is a hash table of a socket's places on channels by name. A slot holds
// a position plus one, or 0.
type finder struct{ slots []int32 }

// find returns the position of the place on a channel, or -1. The place may
// still wait for its answer.
func (s *Session) find(name string) int {
	if s.finder == nil {
		for i := range s.places {
			if s.places[i].group.channel.name == name {
				return i
			}
		}
		return -1
	}
	slots, hash := s.finder.slots, hashOf(name)
	for i := home(hash, len(slots)); slots[i] != 0; i = next(i, len(slots)) {
		if c := s.places[slots[i]-1].channel(); c.hash == hash && c.name == name {
			return int(slots[i] - 1)
		}
	}
	return -1
}

// lookup returns the position of the place in a group, or -1.
func (s *Session) lookup(g *group) int {
	if s.finder == nil {
		for i := range s.places {
			if s.places[i].group == g {
				return i
			}
		}
		return -1
	}
	slots := s.finder.slots
	for i := home(g.channel.hash, len(slots)); slots[i] != 0; i = next(i, len(slots)) {
		if s.places[slots[i]-1].group == g {
			return int(slots[i] - 1)
		}
	}
	return -1
}

// keep adds a place that waits for its answer.
func (s *Session) keep(g *group) {
	n := len(s.places)
	if n == cap(s.places) { // append would leave a quarter empty, which counts for many sockets with a thousand channels
		s.places = append(make([]place, 0, n+max(1, min(n, 4), n/8)), s.places...)
	}
	n++
	s.places = append(s.places, place{group: g, index: unanswered, first: n > int(s.most)})
	s.most = max(s.most, int32(n))
	switch {
	case s.finder == nil && n <= few:
	case s.finder == nil || 4*n > 3*len(s.finder.slots):
		s.finder = &finder{slots: make([]int32, 2*n)}
		for i := range s.places {
			s.finder.add(s.places, i)
		}
	default:
		s.finder.add(s.places, n-1)
	}
}

func (f *finder) add(places []place, position int) {
	i := home(places[position].channel().hash, len(f.slots))
	for f.slots[i] != 0 {
		i = next(i, len(f.slots))
	}
	f.slots[i] = int32(position + 1)
}

// slot returns the slot that holds a position.
func (f *finder) slot(places []place, position int) int {
	i := home(places[position].channel().hash, len(f.slots))
	for f.slots[i] != int32(position+1) {
		i = next(i, len(f.slots))
	}
	return i
}

func (f *finder) remove(places []place, position int) {
	n := len(f.slots)
	hole := f.slot(places, position)
	for i := next(hole, n); f.slots[i] != 0; i = next(i, n) {
		if displaced(home(places[f.slots[i]-1].channel().hash, n), hole, i) {
			f.slots[hole] = f.slots[i]
			hole = i
		}
	}
	f.slots[hole] = 0
}

// forget removes a place from the socket's list. The last place moves to its position.
func (s *Session) forget(position int) {
	last := len(s.places) - 1
	if s.finder != nil {
		s.finder.remove(s.places, position)
	}
	if position != last {
		if s.finder != nil {
			s.finder.slots[s.finder.slot(s.places, last)] = int32(position + 1)
		}
		moved := s.places[last]
		s.places[position] = moved
		if moved.index != unanswered {
			moved.group.moved(moved.index, int32(position))
		}
	}
	s.places[last] = place{}
	s.places = s.places[:last]
	switch {
	case last <= few/2:
		s.finder = nil
	case s.finder != nil && last < len(s.finder.slots)/6:
		s.finder = &finder{slots: make([]int32, 2*last)}
		for i := range s.places {
			s.finder.add(s.places, i)
		}
	}
	if cap(s.places) > roomy && last < cap(s.places)/4 {
		s.places = append(make([]place, 0, 2*last), s.places...)
	}
}
