package cluster

import (
	"cmp"
	"slices"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// subject is what a node holds and knows of a subject that it watches. Its
// partition's lock is held whenever it is used.
type subject struct {
	q    *partition
	app  *app
	name ledger.Subject
	kind pusherproto.Kind // of a channel

	// What the node holds.
	sockets int
	mine    map[string]*mine // users on a presence channel
	joins   []*join          // without an answer, or answered without the ledger
	pending *saying          // the last op that only says a number of sockets
	said    int              // the number of sockets that was said last
	saidAt  time.Time
	saying  bool // a timer says the number later

	// For users: how many of this node's sockets watch them, and sign-ins that
	// wait.
	watchers  int
	signIns   []*signIn
	confirmed bool      // the ledger has what the node holds
	alone     bool      // it has not, and somebody was answered without it
	online    bool      // as watchers were told
	closings  int       // how often the user was terminated
	due       time.Time // when the grace is over

	quota *quota // of an app's sockets

	idle time.Time // since when nobody needs it

	// The feed. known is set once there is a replica, awaiting while a state is
	// under way.
	known     bool
	awaiting  bool
	learning  bool // a state was learnt, and what came down since is followed
	unwatched bool // the feed begins when the state is asked for
	asked     int  // counts states that were asked for
	heard     []heardEntry
	at        uint64 // the replica is as of this seq
	last      uint64 // the subject's last entry
	event     uint64 // the last that was an event
	closed    uint64 // the last that was a close
	lost      bool   // the ledger lost its memory since: seqs begin anew
	whole     bool   // heard is all there was since somebody was answered blind
	suspect   bool   // it may have forgotten the subject since, and its events
	blind     bool   // somebody was answered without a replica

	replica
	uncounted bool // who joined last has not heard the count
	shown     *channels.Presence
	total     int // sockets, as told
	told      channels.Count
	cached    *cachedEvent
	given     ledger.Origin // of the last that came without its own entry
	reminded  ledger.Origin // of the last that the ledger was reminded of: sockets have it
	missed    time.Time     // when a cache miss was last observed
	history   history
}

// mostAsked is how many states of a partition are asked for at once.
const mostAsked = 16

// heardEntry is an entry on its way to a replica; again is set if its op came
// down before.
type heardEntry struct {
	*ledger.Entry
	again bool
}

// mine is a user whom this node holds on a presence channel.
type mine struct {
	info    []byte
	sockets int
	pending int // joins that the ledger has not decided
	alone   int // of those, joins that were answered without it: the user is shown
}

// What is entered in the account for each, beside the names.
const (
	subjectBytes = 552
	memberBytes  = 200
)

func (s *subject) bytes() int { return subjectBytes + 2*len(s.name.Name) }

func (s *subject) accountKind() account.Kind {
	if s.name.Kind == ledger.User {
		return account.Subscriptions
	}
	return account.Channels
}

// subject returns the subject, which is watched from here on.
func (q *partition) subject(name ledger.Subject, a *app) *subject {
	if s := q.subjects[name]; s != nil {
		return s
	}
	s := &subject{q: q, app: a, name: name}
	if name.Kind == ledger.Channel {
		s.kind = pusherproto.KindOf(name.Name)
		if s.kind.Presence() {
			s.shown, s.mine = &channels.Presence{}, make(map[string]*mine)
		}
	}
	q.subjects[name] = s
	a.account.Resize(s.accountKind(), s.bytes())
	switch name.Kind {
	case ledger.User:
		a.users.enter(s)
	case ledger.App:
		s.quota = &quota{proven: make(map[ledger.Node]time.Time)}
		a.limited.Store(true)
	}
	switch q.link.state {
	case linkDone:
		s.unwatched = true
		s.ask()
	case linkPending:
		q.peer.engine.Watch(q.number, name)
	case linkAway:
	}
	return s
}

// ask asks for the state. What comes down until then is kept for later.
func (s *subject) ask() {
	s.awaiting = true
	s.asked++
	s.q.asks = append(s.q.asks, ask{s, s.asked})
	s.q.askNext()
}

// ask is a state to be asked for, unless it was asked for again since.
type ask struct {
	s     *subject
	asked int
}

func (a ask) stale() bool { return a.asked != a.s.asked || a.s.q.subjects[a.s.name] != a.s }

// askNext asks for the states that are next, mostAsked at once: where a crowd comes
// to as many channels, what the node says must not wait behind all of them.
func (q *partition) askNext() {
	for q.asking < mostAsked && len(q.asks) > 0 {
		it := q.asks[0]
		if q.asks = q.asks[1:]; len(q.asks) == 0 {
			q.asks = nil
		}
		if it.stale() {
			continue
		}
		if it.s.unwatched {
			it.s.unwatched = false
			q.peer.engine.Watch(q.number, it.s.name)
		}
		q.asking++
		q.send(ledger.GetState{Subject: it.s.name}, func(a *ledger.Answer) {
			q.asking--
			if a == nil || q.link.state != linkDone { // what is awaited is asked for again when the partition is linked
				q.asks = nil
				return
			}
			if !it.stale() && a.Birth == q.feeds.birth && a.State != nil {
				q.complete(it, a)
			}
			q.askNext()
		})
	}
}

// interrupted is called when the feed is off. What came down and waits for the
// state is kept: the position is behind it, so nobody reads it again.
func (s *subject) interrupted() { s.asked++ }

// needed reports whether anybody on this node needs the replica.
func (s *subject) needed() bool {
	return s.sockets > 0 || s.watchers > 0 || len(s.signIns) > 0 || len(s.joins) > 0 || !s.due.IsZero() ||
		s.quota != nil && s.open()+len(s.quota.waiting) > 0
}

// released has the subject forgotten after a while if nobody needs it.
func (s *subject) released() {
	if s.needed() {
		return
	}
	now := s.q.peer.cfg.Now()
	s.idle = now
	s.q.timers.at(now.Add(s.q.peer.cfg.Linger), func(time.Time) {
		if s.idle.Equal(now) {
			s.unwatch()
		}
	})
}

// unwatch ends the feed of a subject that nobody needs.
func (s *subject) unwatch() {
	q := s.q
	if s.needed() || q.subjects[s.name] != s {
		return
	}
	s.vanish()
	delete(q.subjects, s.name)
	s.app.account.Resize(s.accountKind(), -s.bytes())
	switch s.name.Kind {
	case ledger.User:
		s.app.users.leave(s)
	case ledger.App:
		s.app.limited.Store(false)
	}
	if q.link.state != linkAway && !s.unwatched {
		q.peer.engine.Unwatch(q.number, s.name)
	}
}

// empty ends the feeds of an app that only linger.
func (q *partition) empty(appID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.sorted() {
		if s.name.App == appID {
			s.unwatch()
		}
	}
}

// heldUsers are the users that the node holds, sorted.
func (s *subject) heldUsers() []ledger.Member {
	var users []ledger.Member
	for id, m := range s.mine {
		if m.sockets > 0 {
			users = append(users, ledger.Member{User: id, Info: m.info})
		}
	}
	slices.SortFunc(users, func(a, b ledger.Member) int { return cmp.Compare(a.User, b.User) })
	return users
}
