package channels

import (
	"sync"
	"time"

	"fanfare/apps"
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
	sockets int
	left    time.Time // when sockets became 0
}

// SignIn implements Cluster.
func (m *memory) SignIn(in SignIn, answer func(SignedIn)) {
	users := &m.app(in.App.ID).users
	users.mu.Lock()
	defer users.mu.Unlock()
	if !in.Again {
		if users.add(in.UserID) && in.App.Watchlist {
			f := pusherproto.AppendWatchlistEvents(beginFrame(160), []string{in.UserID}, nil)
			m.node.DeliverToWatchers(in.App, in.UserID, seal(f))
		}
	}
	var state SignedIn
	for _, id := range in.Watchlist {
		if users.online.get(id) != nil {
			state.Online = append(state.Online, id)
		} else {
			state.Offline = append(state.Offline, id)
		}
	}
	answer(state)
}

// add counts a socket in and tells whether the user was offline.
func (u *memoryUsers) add(id string) bool {
	user := u.online.get(id)
	if user == nil {
		u.online.set(id, &userState{sockets: 1})
		return true
	}
	user.sockets++
	return false
}

// SignOut implements Cluster.
func (m *memory) SignOut(app *apps.App, userID string) {
	users := &m.app(app.ID).users
	users.mu.Lock()
	defer users.mu.Unlock()
	user := users.online.get(userID)
	if user == nil {
		return
	}
	user.sockets--
	if user.sockets > 0 {
		return
	}
	grace := time.Duration(m.offlineGrace.Load())
	if grace == 0 {
		m.offline(app, users, userID)
		return
	}
	left := m.now()
	user.left = left
	m.schedule.at(left.Add(grace), func() { m.graceOver(app, userID, user, left) })
}

// graceOver tells the watchers, unless the user has come back or left again
// later.
func (m *memory) graceOver(app *apps.App, userID string, user *userState, left time.Time) {
	users := &m.app(app.ID).users
	users.mu.Lock()
	defer users.mu.Unlock()
	if users.online.get(userID) != user || user.sockets > 0 || !user.left.Equal(left) {
		return
	}
	m.offline(app, users, userID)
}

func (m *memory) offline(app *apps.App, users *memoryUsers, userID string) {
	users.online.remove(userID)
	if !app.Watchlist {
		return
	}
	f := pusherproto.AppendWatchlistEvents(beginFrame(160), nil, []string{userID})
	m.node.DeliverToWatchers(app, userID, seal(f))
}
