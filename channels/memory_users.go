package channels

import (
	"sync"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// memoryUsers holds the users that are signed in to an app. One lock covers all
// of them: a sign-in reads the state of up to 100 watched users at one moment.
type memoryUsers struct {
	mu     sync.Mutex
	online index[*userState]
}

// userState exists from a user's first sign-in until the offline grace after the
// user's last socket ends.
type userState struct {
	id      string
	hash    uint32
	sockets int32
	due     time.Duration // end of the grace, since memory.began
	armed   time.Duration // time for which graceOver is scheduled; 0 if it is not
}

func (u *userState) label() (name string, hash uint32) { return u.id, u.hash }

func (u *userState) bytes() int { return 48 + indexBytes + len(u.id) }

func (u *memoryUsers) get(id string) *userState { return u.online.get(id, hashOf(id)) }

// SignIn implements Cluster.
func (m *memory) SignIn(in SignIn, answer func(SignedIn)) {
	a := m.app(in.App)
	users := &a.users
	users.mu.Lock()
	defer users.mu.Unlock()
	if !in.Again {
		if a.addUser(in.UserID) && in.App.Watchlist {
			f := pusherproto.AppendWatchlistEvents(beginFrame(160), []string{in.UserID}, nil)
			m.node.DeliverToWatchers(in.App, in.UserID, seal(f))
		}
	}
	var state SignedIn
	for _, id := range in.Watchlist {
		if users.get(id) != nil {
			state.Online = append(state.Online, id)
		} else {
			state.Offline = append(state.Offline, id)
		}
	}
	answer(state)
}

// addUser adds a socket to a user and reports whether the user was offline. The caller
// holds the lock.
func (a *memoryApp) addUser(id string) bool {
	if user := a.users.get(id); user != nil {
		user.sockets++
		return false
	}
	user := &userState{id: id, hash: hashOf(id), sockets: 1}
	a.users.online.add(user)
	a.account.Resize(account.Subscriptions, user.bytes())
	return true
}

// SignOut implements Cluster.
func (m *memory) SignOut(out SignOut) {
	users := &m.app(out.App).users
	users.mu.Lock()
	defer users.mu.Unlock()
	user := users.get(out.UserID)
	if user == nil {
		return
	}
	user.sockets--
	if user.sockets > 0 {
		return
	}
	grace := time.Duration(m.offlineGrace.Load())
	if grace == 0 {
		m.offline(out.App, user)
		return
	}
	user.due = m.now().Add(grace).Sub(m.began)
	if user.armed == 0 || user.due < user.armed { // one deadline, however often the user signs in and out in the meantime
		m.arm(out.App, user)
	}
}

// arm schedules graceOver for the end of the grace. The caller holds the lock.
func (m *memory) arm(app *apps.App, user *userState) {
	at := user.due
	user.armed = at
	m.schedule.at(m.began.Add(at), func() { m.graceOver(app, user, at) })
}

// graceOver sends the offline event, unless the user has signed in again. If the
// user has signed out once more since, it schedules itself for the later end of
// the grace.
func (m *memory) graceOver(app *apps.App, user *userState, at time.Duration) {
	users := &m.app(app).users
	users.mu.Lock()
	defer users.mu.Unlock()
	if user.armed != at || users.get(user.id) != user { // an earlier deadline replaced this one
		return
	}
	user.armed = 0
	switch {
	case user.sockets > 0:
	case m.now().Sub(m.began) < user.due:
		m.arm(app, user)
	default:
		m.offline(app, user)
	}
}

// offline removes a user and sends the offline event to the watchers. The caller holds the lock.
func (m *memory) offline(app *apps.App, user *userState) {
	a := m.app(app)
	a.users.online.remove(user.id, user.hash)
	a.account.Resize(account.Subscriptions, -user.bytes())
	if !app.Watchlist {
		return
	}
	f := pusherproto.AppendWatchlistEvents(beginFrame(160), nil, []string{user.id})
	m.node.DeliverToWatchers(app, user.id, seal(f))
}
