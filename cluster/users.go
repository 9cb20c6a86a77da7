package cluster

import (
	"sync"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// users are an app's users whom this node watches. The lock makes the answer to a
// sign-in consistent over all partitions: subject.online changes under it, and
// watchers are notified under it.
type users struct {
	mu   sync.Mutex
	byID map[string]*subject
}

func (u *users) enter(s *subject) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byID == nil {
		u.byID = make(map[string]*subject)
	}
	u.byID[s.name.Name] = s
}

func (u *users) leave(s *subject) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byID, s.name.Name)
}

// signIn is a sign-in that waits for the states of users.
type signIn struct {
	channels.SignIn
	users *users

	// Guarded by the lock of users.
	answer   func(channels.SignedIn) // nil after it was called
	left     int                     // states that it waits for
	closings int                     // closings of the user when the sign-in began
}

func userSubject(app *apps.App, id string) ledger.Subject {
	return ledger.Subject{Kind: ledger.User, App: app.ID, Name: id}
}

// SignIn implements channels.Cluster.
func (p *Peer) SignIn(in channels.SignIn, answer func(channels.SignedIn)) {
	a := p.app(in.App)
	w := &signIn{SignIn: in, users: &a.users, answer: answer, left: 1 + len(in.Watchlist)}
	own := p.userOf(a, in.UserID, func(s *subject) {
		if !in.Again {
			s.sockets++
			s.sayFirst()
		}
		w.closings = s.closings
		s.await(w, true)
	})
	for _, id := range in.Watchlist {
		p.userOf(a, id, func(s *subject) {
			s.watchers++
			s.await(w, false)
		})
	}
	p.unwatch(in.App, in.Replaced)
	own.q.mu.Lock()
	defer own.q.mu.Unlock()
	own.q.timers.at(p.cfg.Now().Add(p.cfg.JoinPatience), func(time.Time) {
		own.answeredBlind()
		own.alone = own.sockets > 0 && !own.confirmed
		p.answerSignIn(w, true)
	})
}

// userOf calls f with a user's subject, and begins to watch it.
func (p *Peer) userOf(a *app, id string, f func(s *subject)) *subject {
	name := ledger.Subject{Kind: ledger.User, App: a.latest.Load().ID, Name: id}
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.subject(name, a)
	f(s)
	s.released()
	return s
}

// sayFirst reports that there is a socket of the user on this node, or none.
func (s *subject) sayFirst() {
	if (s.sockets > 0) != (s.said > 0) {
		s.say(nil)
	}
}

// await answers a sign-in when the user's state is known and, for the user who
// signs in, the ledger has the report.
func (s *subject) await(w *signIn, own bool) {
	if s.known && (!own || s.confirmed) {
		s.q.peer.answerSignIn(w, false)
		return
	}
	s.signIns = append(s.signIns, w)
}

// answerSignIns continues the sign-ins that waited for the user's state.
func (s *subject) answerSignIns() {
	waiting := s.signIns
	s.signIns = nil
	for _, w := range waiting {
		if w.UserID == s.name.Name && !s.confirmed {
			s.signIns = append(s.signIns, w)
			continue
		}
		s.q.peer.answerSignIn(w, false)
	}
	if len(waiting) > 0 {
		s.released()
	}
}

// answerSignIn counts one state as known, and answers when that is the last, or if
// now is set.
func (p *Peer) answerSignIn(w *signIn, now bool) {
	w.users.mu.Lock()
	defer w.users.mu.Unlock()
	w.left--
	if w.answer == nil || w.left > 0 && !now {
		return
	}
	var state channels.SignedIn
	for _, id := range w.Watchlist {
		if s := w.users.byID[id]; s != nil && s.online {
			state.Online = append(state.Online, id)
		} else {
			state.Offline = append(state.Offline, id)
		}
	}
	answer := w.answer
	w.answer = nil
	answer(state)
	if s := w.users.byID[w.UserID]; s != nil && s.closings != w.closings { // terminated meanwhile
		p.closeUser(w.App, w.UserID)
	}
}

func (p *Peer) closeUser(app *apps.App, userID string) {
	p.node.CloseUser(app, userID, pusherproto.CodeUnauthorized, "You got disconnected by the app.")
}

// close closes the user's sockets on this node that signed in before, and those of
// which that is not known.
func (s *subject) close() {
	if s.sockets > 0 && (s.confirmed || s.alone) {
		s.closeUser()
	}
}

// confirm records whether the ledger has what the node holds.
func (s *subject) confirm(has bool) {
	s.confirmed = has
	s.alone = s.alone && !has
}

func (s *subject) closeUser() {
	s.app.users.mu.Lock()
	s.closings++
	s.app.users.mu.Unlock()
	s.q.peer.closeUser(s.app.latest.Load(), s.name.Name)
}

// showOnline notifies watchers that a user is online or, after the grace, offline.
func (s *subject) showOnline() {
	switch {
	case s.total > 0:
		s.due = time.Time{}
		s.tellOnline(true)
	case s.online && s.due.IsZero():
		grace := time.Duration(s.q.peer.grace.Load())
		if grace == 0 {
			s.tellOnline(false)
			return
		}
		due := s.q.peer.cfg.Now().Add(grace)
		s.due = due
		s.q.timers.at(due, func(time.Time) {
			if s.due.Equal(due) {
				s.due = time.Time{}
				s.tellOnline(false)
				s.released()
			}
		})
	}
}

func (s *subject) tellOnline(online bool) {
	s.app.users.mu.Lock()
	defer s.app.users.mu.Unlock()
	app := s.app.latest.Load()
	if s.online == online {
		return
	}
	s.online = online
	if !app.Watchlist {
		return
	}
	user := []string{s.name.Name}
	f := pusherproto.AppendWatchlistEvents(nil, user, nil)
	if !online {
		f = pusherproto.AppendWatchlistEvents(nil, nil, user)
	}
	s.q.peer.node.DeliverToWatchers(app, s.name.Name, channels.NewFrame(f))
}

// SignOut implements channels.Cluster.
func (p *Peer) SignOut(out channels.SignOut) {
	name := userSubject(out.App, out.UserID)
	q := p.partitionOf(name)
	q.mu.Lock()
	if s := q.subjects[name]; s != nil && s.sockets > 0 && !p.draining.Load() {
		s.sockets--
		s.alone = s.alone && s.sockets > 0
		s.sayFirst()
		s.released()
	}
	q.mu.Unlock()
	p.unwatch(out.App, out.Watchlist)
}

// unwatch removes a socket's watchlist.
func (p *Peer) unwatch(app *apps.App, watchlist []string) {
	for _, id := range watchlist {
		name := userSubject(app, id)
		q := p.partitionOf(name)
		q.mu.Lock()
		if s := q.subjects[name]; s != nil && s.watchers > 0 {
			s.watchers--
			s.released()
		}
		q.mu.Unlock()
	}
}
