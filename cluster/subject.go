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
	joins   []*join          // unanswered, or answered without the ledger
	pending *saying          // the last op that only reports a number of sockets
	said    int              // the number of sockets that was reported last
	saidAt  time.Time
	saying  bool // a timer will report the number

	// For users: how many of this node's sockets watch them, and sign-ins that
	// wait.
	watchers  int
	signIns   []*signIn
	confirmed bool      // the ledger has what the node holds
	alone     bool      // the ledger does not have it, and a socket was answered without it
	online    bool      // as watchers received it
	closings  int       // how often the user was terminated
	due       time.Time // when the grace ends

	quota *quota // of an app's sockets

	idle time.Time // since when no socket needs it

	// The feed. known is set once there is a replica, awaiting while a state is
	// being requested.
	known     bool
	awaiting  bool
	learning  bool // a state was applied, and the entries that arrived after it are being followed
	unwatched bool // the feed begins when the state is requested
	asked     int  // number of state requests
	heard     []heardEntry
	at        uint64 // seq of the replica
	last      uint64 // the subject's last entry
	event     uint64 // the last entry that was an event
	closed    uint64 // the last entry that was a close
	lost      bool   // the ledger has lost its memory since: seqs start again
	whole     bool   // heard contains every entry since a socket was answered without a replica
	suspect   bool   // the ledger may have forgotten the subject and its events since
	blind     bool   // a socket was answered without a replica

	replica
	uncounted bool // the socket that joined last has not received the count
	shown     *channels.Presence
	total     int // sockets, as last sent
	told      channels.Count
	cached    *cachedEvent
	given     ledger.Origin // op of the last cached event that arrived without its own entry
	reminded  ledger.Origin // op of the last event that was recalled to the ledger: sockets have it
	missed    time.Time     // when a cache miss was last observed
	history   history
}

// mostAsked is the maximum number of states of a partition requested at once.
const mostAsked = 16

// heardEntry is an entry that waits for a replica; again is set if its op arrived
// before.
type heardEntry struct {
	*ledger.Entry
	again bool
}

// mine is a user whom this node holds on a presence channel.
type mine struct {
	info    []byte
	sockets int
	pending int // joins that the ledger has not decided
	alone   int // of these, joins that were answered without it: the user is shown
}

// Bytes counted for each, in addition to the names.
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

// subject returns the subject, and begins to watch it.
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

// ask requests the state. Entries that arrive before it are kept.
func (s *subject) ask() {
	s.awaiting = true
	s.asked++
	s.q.asks = append(s.q.asks, ask{s, s.asked})
	s.q.askNext()
}

// ask is a state to request, unless it was requested again since.
type ask struct {
	s     *subject
	asked int
}

func (a ask) stale() bool { return a.asked != a.s.asked || a.s.q.subjects[a.s.name] != a.s }

// askNext requests the next states, mostAsked at once: when a crowd joins as many
// channels, the node's ops must not wait behind all the requests.
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
			if a == nil || q.link.state != linkDone { // an awaited state is requested again when the partition is linked
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

// interrupted is called when the feed has ended. Entries that wait for the state
// are kept: the position is after them, so they are not read again.
func (s *subject) interrupted() { s.asked++ }

// needed reports whether a socket of this node needs the replica.
func (s *subject) needed() bool {
	return s.sockets > 0 || s.watchers > 0 || len(s.signIns) > 0 || len(s.joins) > 0 || !s.due.IsZero() ||
		s.quota != nil && s.open()+len(s.quota.waiting) > 0
}

// released schedules the end of the subject if no socket needs it.
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

// unwatch ends the feed of a subject that no socket needs.
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

// empty ends lingering feeds of an app.
func (q *partition) empty(appID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.sorted() {
		if s.name.App == appID {
			s.unwatch()
		}
	}
}

// heldUsers returns the users that the node holds, sorted.
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
