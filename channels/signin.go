package channels

import (
	"log/slog"
	"slices"

	"fanfare/pusherproto"
)

// signedInUser is whom a socket signed in as.
type signedInUser struct {
	id      string
	info    []byte
	own     *subscription   // in the group of the user's own channel
	watches []*subscription // in the groups of those who watch each user
}

// signinAnswer carries a cluster's answer to the session's owner.
type signinAnswer struct {
	session *Session
	again   bool
	user    pusherproto.User
	data    string // user_data as the client sent it
	own     *subscription
	groups  []*group // of watches, index by index
	watches []*subscription
	state   SignedIn
}

// signIn handles pusher:signin (spec: websocket section 9).
func (s *Session) signIn(m pusherproto.Message) {
	req, perr := pusherproto.DecodeSignin(m.Data)
	if perr != nil {
		s.refuseSignIn(perr.Code, perr.Message)
		return
	}
	key, signature, ok := pusherproto.SplitAuth(req.Auth)
	if !ok || key == "" || signature == "" {
		s.refuseSignIn(pusherproto.CodeUnauthorized, "Auth value for sign-in is invalid: should be of format 'key:signature'")
		return
	}
	secret, ok := s.app.Secret(key)
	if !ok {
		s.refuseSignIn(pusherproto.CodeUnauthorized, "Invalid key in sign-in auth data; it is not a key of this app")
		return
	}
	if !pusherproto.CheckUser(secret, signature, s.id, req.UserData) {
		s.refuseSignIn(pusherproto.CodeUnauthorized, "Invalid signature: Expected HMAC SHA256 hex digest of "+s.id.String()+
			"::user::USER_DATA, but got another")
		return
	}
	user, perr := pusherproto.DecodeUserData(req.UserData)
	if perr != nil {
		s.refuseSignIn(perr.Code, perr.Message)
		return
	}
	if s.user != nil && s.user.id != user.ID {
		const reason = "The socket is signed in as another user already; open a connection of its own for each user"
		s.logRefused("sign-in refused", "", pusherproto.CodeUnauthorized, reason)
		s.complain(ReasonSignin, "", pusherproto.CodeUnauthorized, reason)
		return
	}
	if !s.app.Watchlist {
		user.Watchlist, user.WatchlistTooLong = nil, false
	}
	s.signing = true
	in := SignIn{App: s.app, UserID: user.ID, Watchlist: user.Watchlist, Again: s.user != nil}
	s.hub.cluster.SignIn(in, func(state SignedIn) {
		s.hub.answerSignIn(&signinAnswer{session: s, again: in.Again, user: user, data: req.UserData, state: state})
	})
}

// refuseSignIn closes the connection (spec: websocket section 9).
func (s *Session) refuseSignIn(code int, message string) {
	s.logRefused("sign-in refused", "", code, message)
	s.failFor(ReasonSignin, code, message)
}

// answerSignIn takes the cluster's answer on any goroutine. Places are taken
// here, so that whatever changes for the user or the watched ones after the
// answer is behind it in the mailbox.
func (h *Hub) answerSignIn(a *signinAnswer) {
	s := a.session
	t := &s.tenant.table
	for _, id := range a.user.Watchlist {
		watch := &subscription{session: s, name: watchersOf(id)}
		st := t.stripe(watch.name)
		st.mu.Lock()
		a.groups = append(a.groups, st.join(watch))
		st.mu.Unlock()
		a.watches = append(a.watches, watch)
	}
	m := Mail{kind: mailSigned, signed: a}
	if a.again {
		s.owner.Post(m)
		return
	}
	a.own = &subscription{session: s, name: pusherproto.UserChannelName(a.user.ID)}
	st := t.stripe(a.own.name)
	st.mu.Lock()
	defer st.mu.Unlock()
	m.group = st.join(a.own)
	s.owner.Post(m)
}

// signedIn is the answer's arrival; g is the group of the user's channel, nil
// if the socket was signed in before.
func (s *Session) signedIn(a *signinAnswer, g *group) {
	s.signing = false
	for i, watch := range a.watches {
		a.groups[i].add(watch)
	}
	if g != nil {
		g.add(a.own)
		s.user = &signedInUser{id: a.user.ID, own: a.own}
	}
	if s.state != sessionOpen { // the socket went away meanwhile
		if g == nil {
			s.unwatch(a.watches)
			return
		}
		s.user.watches = a.watches
		s.signOut()
		return
	}
	old := s.user.watches
	s.user.info, s.user.watches = a.user.UserInfo, a.watches
	s.unwatch(old)
	s.authorized = true
	if s.hub.logs(slog.LevelDebug) {
		s.write(slog.LevelDebug, "signed in", slog.String("user", s.user.id))
	}
	s.send(pusherproto.AppendSigninSuccess(beginFrame(64+2*len(a.data)), a.data))
	if a.user.WatchlistTooLong {
		const reason = "Watchlist limit exceeded. Only the first 100 users are watched"
		s.logRefused("watchlist too long", "", pusherproto.CodeWatchlist, reason)
		s.complain("", "", pusherproto.CodeWatchlist, reason)
	}
	if len(a.state.Online)+len(a.state.Offline) > 0 {
		s.send(pusherproto.AppendWatchlistEvents(beginFrame(256), a.state.Online, a.state.Offline))
	}
	s.release(forSignin)
}

// signOut gives back the socket's places as a user and a watcher.
func (s *Session) signOut() {
	if s.user == nil {
		return
	}
	user := s.user
	s.user = nil
	s.unwatch(user.watches)
	user.own.group.remove(user.own)
	s.tenant.table.detach(user.own.group)
	s.hub.cluster.SignOut(s.app, user.id)
}

func (s *Session) unwatch(watches []*subscription) {
	for _, watch := range slices.Backward(watches) {
		watch.group.remove(watch)
		s.tenant.table.detach(watch.group)
	}
}
