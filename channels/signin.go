package channels

import (
	"log/slog"
	"slices"
	"strings"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// signedInUser is the user that a socket signed in as.
type signedInUser struct {
	id      string
	info    []byte
	own     place   // in the group of the user's channel
	watches []place // one per watched user, in the group of that user's watchers
}

// bytes returns the memory of a user without the places.
func (u *signedInUser) bytes() int { return 96 + len(u.id) + cap(u.info) }

// signinAnswer is the cluster's answer to a sign-in, on its way to the session's owner.
type signinAnswer struct {
	session *Session
	again   bool
	user    pusherproto.User
	data    string   // user_data as the client sent it
	groups  []*group // one per user on the watchlist: that user's watchers
	state   SignedIn
}

// signIn handles pusher:signin (docs/spec/users.md#sign-in).
func (s *Session) signIn(m pusherproto.Message) {
	req, perr := pusherproto.DecodeSignin(m.Data)
	if perr != nil {
		s.refuseSignIn(perr.Code, perr.Message)
		return
	}
	if s.user != nil && !s.affords() {
		const reason = "The socket signs in too often; wait a moment and sign in again"
		s.logRefused("sign-in refused", "", pusherproto.CodeNone, reason)
		s.complain(ReasonSigninRate, "", pusherproto.CodeNone, reason)
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
	if why := s.full(); why != nil && len(user.Watchlist) > 0 {
		user.Watchlist = nil
		reason := why.text + "; nobody on the watchlist is watched"
		s.logRefused("watchlist refused", "", pusherproto.CodeWatchlist, reason)
		s.complain(why.reason, "", pusherproto.CodeWatchlist, reason)
	}
	s.signing = true
	in := SignIn{App: s.app, UserID: user.ID, Watchlist: user.Watchlist, Again: s.user != nil}
	if in.Again {
		in.Replaced = s.watchlist()
	}
	s.hub.cluster.SignIn(in, func(state SignedIn) {
		s.hub.answerSignIn(&signinAnswer{session: s, again: in.Again, user: user, data: req.UserData, state: state})
	})
}

// refuseSignIn sends the error and closes the connection (docs/spec/users.md#sign-in).
func (s *Session) refuseSignIn(code int, message string) {
	s.logRefused("sign-in refused", "", code, message)
	s.failFor(ReasonSignin, code, message)
}

// userKind is the kind of a user's own channel, and of the group of a user's
// watchers.
var userKind = pusherproto.KindOf(pusherproto.UserChannelName("1"))

// answerSignIn receives the cluster's answer on any goroutine. It joins the groups
// here, so that every later change of the user or of a watched user follows the
// answer in the mailbox.
func (h *Hub) answerSignIn(a *signinAnswer) {
	s := a.session
	t := &s.tenant.table
	a.groups = make([]*group, 0, len(a.user.Watchlist))
	for _, id := range a.user.Watchlist {
		a.groups = append(a.groups, t.join(watchersOf(id), userKind, s.tenant, 0))
	}
	m := Mail{kind: mailSigned, signed: a}
	if a.again {
		s.tenant.lane.Post(m)
		return
	}
	t.answer(t.join(pusherproto.UserChannelName(a.user.ID), userKind, s.tenant, 0), m)
}

// signedIn handles the cluster's answer on the owner's goroutine. g is the group of
// the user's channel, nil if the socket was signed in before.
func (s *Session) signedIn(a *signinAnswer, g *group) {
	s.signing = false
	if s.state != sessionOpen && s.user == nil { // the socket was closed in the meantime
		for _, watched := range a.groups {
			s.tenant.table.detach(watched)
		}
		if g != nil {
			s.tenant.table.detach(g)
		}
		out := SignOut{App: s.app, UserID: a.user.ID}
		if s.hub.shared {
			out.Watchlist = a.user.Watchlist
		}
		s.hub.cluster.SignOut(out)
		return
	}
	if g != nil {
		s.user = &signedInUser{id: a.user.ID}
		g.add(s, ownPlace, "")
	} else {
		s.charge(2*len(a.groups) + 2*len(a.data)/byteWeight) // as many groups are left as joined
		s.tenant.account.Resize(account.Subscriptions, -s.user.bytes())
		s.unwatch()
	}
	s.user.info = a.user.UserInfo
	s.tenant.account.Resize(account.Subscriptions, s.user.bytes())
	s.watch(a.groups)
	if s.state != sessionOpen { // Gone, which follows, releases everything
		return
	}
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

// signOut removes the socket from the groups of its user and of the users it watches.
func (s *Session) signOut() {
	if s.user == nil {
		return
	}
	user := s.user
	out := SignOut{App: s.app, UserID: user.id, Watchlist: s.watchlist()}
	s.unwatch()
	user.own.group.remove(user.own.index)
	s.tenant.table.detach(user.own.group)
	s.tenant.account.Resize(account.Subscriptions, -user.bytes())
	s.user = nil
	if !s.signing { // else signedIn does it, which has the newer watchlist
		s.hub.cluster.SignOut(out)
	}
}

// watchlist returns the ids of the users that the socket watches. A single node
// does not need them: there it returns nil.
func (s *Session) watchlist() []string {
	if !s.hub.shared || len(s.user.watches) == 0 {
		return nil
	}
	ids := make([]string, len(s.user.watches))
	for i, p := range s.user.watches {
		ids[i] = strings.TrimPrefix(p.channel().name, watchersPrefix)
	}
	return ids
}

// watch adds the socket to groups in which it is already counted.
func (s *Session) watch(groups []*group) {
	s.user.watches = make([]place, len(groups))
	for i, g := range groups {
		g.add(s, int32(firstWatch-i), "")
	}
}

func (s *Session) unwatch() {
	for _, p := range slices.Backward(s.user.watches) {
		p.group.remove(p.index)
		s.tenant.table.detach(p.group)
	}
	s.user.watches = nil
}
