package channels

import (
	"sync"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// memoryUsers is who is signed in to an app. One lock covers all users: a
// sign-in reads the state of up to 100 watched ones as a single moment.
type memoryUsers struct {
	mu     sync.Mutex
	online index[*userState]
}

// userState exists from a user's first sign-in until the grace after the last
// socket is over.
type userState struct {
	id      string
	hash    uint32
	sockets int32
	left    time.Time // when sockets became 0
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

// addUser counts a socket in and tells whether the user was offline. The caller
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
func (m *memory) SignOut(app *apps.App, userID string) {
	users := &m.app(app).users
	users.mu.Lock()
	defer users.mu.Unlock()
	user := users.get(userID)
	if user == nil {
		return
	}
	user.sockets--
	if user.sockets > 0 {
		return
	}
	grace := time.Duration(m.offlineGrace.Load())
	if grace == 0 {
		m.offline(app, user)
		return
	}
	left := m.now()
	user.left = left
	m.schedule.at(left.Add(grace), func() { m.graceOver(app, userID, user, left) })
}

// graceOver tells the watchers, unless the user has come back or left again
// later.
func (m *memory) graceOver(app *apps.App, userID string, user *userState, left time.Time) {
	users := &m.app(app).users
	users.mu.Lock()
	defer users.mu.Unlock()
	if users.get(userID) != user || user.sockets > 0 || !user.left.Equal(left) {
		return
	}
	m.offline(app, user)
}

// offline forgets a user and tells the watchers. The caller holds the lock.
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
