package sim

import (
	"slices"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// hearing is what a socket received on a channel, and what the checks expect.
type hearing struct {
	socket  *socket
	channel string
	asked   int           // subscribes without an answer
	sent    []byte        // 's'ubscribe and 'u'nsubscribe messages that the node has not handled yet
	on      bool          // subscribed, as far as the client knows
	since   time.Duration // when it was subscribed
	members map[string]bool
	last    map[int]int // by publisher, the last number received
	events  []heardEvent
	count   int    // last subscription count received; -1 means none
	stays   bool   // subscribed since the last rest, on a node that was not declared dead
	steps   []step // as received, for comparison with the reference node
}

type heardEvent struct{ from, n int }

func (s *socket) hearing(channel string) *hearing {
	h := s.heard[channel]
	if h == nil {
		h = &hearing{socket: s, channel: channel}
		s.heard[channel] = h
		s.names = append(s.names, channel)
	}
	return h
}

// silence is the end of a subscription.
func (h *hearing) silence() {
	h.on = false
	h.leaves()
}

// leaves allows member_removed events for the user from now on.
func (h *hearing) leaves() {
	if h.stays {
		h.stays = false
		h.socket.tab.w.staying[place{h.channel, h.socket.tab.user}]--
	}
}

// Send implements channels.Conn.
func (s *socket) Send(f *channels.Frame) {
	if s.closed != 0 {
		return
	}
	w := s.tab.w
	if w.lastFrame != f {
		w.lastFrame = f
		var ok bool
		if w.lastTold, ok = read(string(f.Payload())); !ok {
			w.failf("", "%s was sent %s, which no client can read", s, f.Payload())
		}
	}
	if w.tracing {
		w.tracef(w.lastTold.channel, "%s receives %s", s, f.Payload())
	}
	s.hear(&w.lastTold)
}

func (s *socket) hear(t *told) {
	w := s.tab.w
	switch t.event {
	case pusherproto.EventConnectionEstablished, pusherproto.EventPong, pusherproto.EventCacheMiss:
	case pusherproto.EventError:
		switch {
		case t.channel == "": // it comes before subscription_error
		case s.saying == 0:
			w.failf(t.channel, "%s received an error", s)
		default:
			if s.denied == nil {
				s.denied = map[int]bool{}
			}
			s.denied[s.saying] = true
		}
	case pusherproto.EventSigninSuccess:
		s.signedIn = w.now
		h := s.hearing(pusherproto.UserChannelName(s.tab.user))
		h.on, h.since = true, w.now
		s.online = nil
	case pusherproto.EventWatchlistEvents:
		s.hearUsers(t)
	case pusherproto.EventSubscriptionError:
		h := s.hearing(t.channel)
		h.answered(false)
		if h.asked == 0 { // otherwise it has subscribed again
			s.tab.wants = slices.DeleteFunc(s.tab.wants, func(c string) bool { return c == t.channel })
		}
		w.refused++
	case pusherproto.EventSubscriptionSucceeded:
		s.hearing(t.channel).succeeded(t)
	default:
		h := s.heard[t.channel]
		if h != nil && !h.on && h.since == w.now && t.from > 0 && pusherproto.KindOf(t.channel).Cache() {
			return // the cached event, sent just before the unsubscription
		}
		if h == nil || !h.on {
			w.failf(t.channel, "%s received %s and is not subscribed", s, t.event)
			return
		}
		h.hear(t)
	}
}

// answered removes the oldest subscribe from the messages in progress, and the
// unsubscribes after it.
func (h *hearing) answered(on bool) {
	if len(h.sent) == 0 {
		h.socket.tab.w.failf(h.channel, "%s received an answer without a request", h.socket)
		return
	}
	h.asked--
	h.sent = h.sent[1:]
	h.on = on
	for len(h.sent) > 0 && h.sent[0] == 'u' {
		h.sent = h.sent[1:]
		h.silence()
	}
}

func (h *hearing) succeeded(t *told) {
	w := h.socket.tab.w
	h.members, h.last, h.events, h.count, h.steps = nil, nil, nil, -1, nil
	if t.presence {
		h.members = make(map[string]bool, len(t.users))
		for _, u := range t.users {
			if h.members[u] {
				w.failf(h.channel, "%s received a member list that has %s twice", h.socket, u)
			}
			h.members[u] = true
		}
		if !h.members[h.socket.tab.user] {
			w.failf(h.channel, "%s received a member list without its own user: %v", h.socket, t.users)
		}
	}
	h.since = w.now
	h.answered(true)
}

func (h *hearing) hear(t *told) {
	w, s := h.socket.tab.w, h.socket
	switch t.event {
	case pusherproto.EventMemberAdded:
		if h.members[t.user] {
			w.failf(t.channel, "%s received member_added of %s on %s twice", s, t.user, t.channel)
		}
		h.members[t.user] = true
		h.steps = append(h.steps, step{kind: 'a', user: t.user})
	case pusherproto.EventMemberRemoved:
		if !h.members[t.user] {
			w.failf(t.channel, "%s received member_removed of %s on %s, which was no member", s, t.user, t.channel)
		}
		if w.staying[place{t.channel, t.user}] > 0 && (h.since <= w.rested || !w.forgot) {
			w.failf(t.channel, "%s received member_removed of %s on %s, which stayed all the time", s, t.user, t.channel)
		}
		delete(h.members, t.user)
		h.steps = append(h.steps, step{kind: 'r', user: t.user})
	case pusherproto.EventSubscriptionCount:
		h.count = t.n
	default:
		h.hearEvent(t)
	}
}

func (h *hearing) hearEvent(t *told) {
	w, s := h.socket.tab.w, h.socket
	if t.n == 0 || t.from == s.serial {
		w.failf(t.channel, "%s received %s, which is not for it", s, t.event)
	}
	if last := h.last[t.from]; t.n <= last && !w.mayComeTwice(t) && (t.n == last || !w.split || t.event[0] != 'p' || slices.Contains(h.events, heardEvent{t.from, t.n})) {
		w.failf(t.channel, "%s received number %d of %s on %s after number %d", s, t.n, t.event, t.channel, last)
	}
	if h.last == nil {
		h.last = map[int]int{}
	}
	h.last[t.from] = max(h.last[t.from], t.n)
	h.events = append(h.events, heardEvent{t.from, t.n})
	if t.user != "" {
		if !h.members[t.user] {
			w.failf(t.channel, "%s received an event of %s on %s, which is no member", s, t.user, t.channel)
		}
		return
	}
	if t.event[0] == 'p' {
		h.steps = append(h.steps, step{kind: 'e', from: t.from, n: t.n})
		w.backend.heardBy(h, t)
	}
}

// mayComeTwice reports whether an event was published twice and the ledger may have
// lost its record of the first time.
func (w *World) mayComeTwice(t *told) bool {
	return w.forgetful() && t.event[0] == 'p' && t.from > 0 && t.from <= len(w.backend.all) && t.n > 0 && t.n <= len(w.backend.all[t.from-1].events) &&
		w.backend.all[t.from-1].events[t.n-1].again
}

// hearUsers checks watchlist events: a first answer with all users, then changes.
func (s *socket) hearUsers(t *told) {
	w := s.tab.w
	if s.online == nil {
		s.online = map[string]bool{}
		if len(t.users)+len(t.offline) != len(s.tab.watchlist) {
			w.failf("", "%s received %v as online and %v as offline, and watches %v", s, t.users, t.offline, s.tab.watchlist)
		}
	} else {
		for _, u := range t.users {
			if s.online[u] {
				w.failf("", "%s was notified twice that %s is online", s, u)
			}
		}
		for _, u := range t.offline {
			if !s.online[u] {
				w.failf("", "%s was notified twice that %s is offline", s, u)
			}
		}
	}
	for _, u := range t.users {
		s.online[u] = true
	}
	for _, u := range t.offline {
		delete(s.online, u)
	}
}
