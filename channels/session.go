package channels

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// Session is the Pusher protocol on one socket. Transports embed it in their
// connection, open it and pass messages to it. Only the owner's goroutine may use
// it.
type Session struct {
	id     pusherproto.SocketID
	hub    *Hub
	app    *apps.App
	tenant *share // the owner's share of the app
	conn   Conn
	places []place // on channels
	finder *finder // index of places; nil while there are few
	user   *signedInUser
	held   *held
	// The window of the client event limit: when it began, and the events since then.
	windowStart int64 // ms
	windowCount int32
	most        int32 // maximum number of channels that it was on at the same time
	// The time up to which the budget is spent; see budget.
	paced      int64 // µs
	state      sessionState
	signing    bool // waiting for the answer to a sign-in, or for the socket to be counted
	authorized bool // signed in, or joined a signed channel, at least once
	// established is set once the socket is counted among the app's sockets.
	established bool
}

type sessionState uint8

const (
	sessionNew sessionState = iota
	sessionOpen
	sessionClosing // the client received the reason; the close frame follows
	sessionGone
)

// Open sends connection_established, or returns why it cannot: the app's quota
// (4004) or the node's shutdown (Restarting). In a cluster the session may have to
// wait for an answer; then Established returns false, and Conn.Opened is called
// later, unless the session ends before.
func (s *Session) Open(h *Hub, app *apps.App, owner Owner, conn Conn) *pusherproto.Error {
	if h.closed.Load() {
		return Restarting
	}
	t, n := h.enter(app.ID)
	if most := app.Limits.MaxConnections; most > 0 && n > int64(most) && !h.shared {
		t.sockets.Add(-1)
		return &pusherproto.Error{Code: pusherproto.CodeOverQuota, Message: "Application is over connection quota"}
	}
	t.bound(app.Limits.MaxHeldBytes)
	*s = Session{id: newSocketID(), hub: h, app: app, tenant: t.share(owner), conn: conn, state: sessionOpen}
	if !h.shared || s.ask() {
		s.establish()
	}
	return nil
}

// ID returns the socket id.
func (s *Session) ID() pusherproto.SocketID { return s.id }

// App returns the app that the socket belongs to; nil if the session was not opened.
func (s *Session) App() *apps.App { return s.app }

// Traffic returns the counters for what the transport receives and sends; nil if
// the session was not opened.
func (s *Session) Traffic() *Traffic {
	if s.tenant == nil {
		return nil
	}
	return &s.tenant.traffic
}

// Account returns the account of the socket's app on this node; nil if the session
// was not opened.
func (s *Session) Account() *account.Account {
	if s.tenant == nil {
		return nil
	}
	return s.tenant.account
}

// CountClose counts the end of an open session with a close code.
func (s *Session) CountClose(code int) { s.tenant.countClose(code) }

// Places returns the number of groups that Gone removes the socket from: channels,
// the user, and watched users.
func (s *Session) Places() int {
	n := len(s.places)
	if s.user != nil {
		n += 1 + len(s.user.watches)
	}
	return n
}

// Renew replaces the socket's app by a new version with the same id. If the app
// was removed (nil) or disabled, the socket is closed with 4003.
func (s *Session) Renew(app *apps.App) {
	if s.state != sessionOpen {
		return
	}
	if app == nil || !app.Enabled {
		s.fail(pusherproto.CodeAppDisabled, "Application disabled")
		return
	}
	s.app = app
	s.tenant.bound(app.Limits.MaxHeldBytes)
}

// Authorized reports whether the socket ever signed in or joined a private or
// presence channel (docs/spec/users.md#authorized-connections).
func (s *Session) Authorized() bool { return s.authorized }

// Gone ends the session: the socket leaves its channels and its user. The
// transport calls it once, when the connection is lost or closed.
func (s *Session) Gone() {
	if s.state == sessionNew || s.state == sessionGone {
		return
	}
	s.state = sessionGone
	for i := range s.places {
		s.leave(&s.places[i])
	}
	s.places, s.finder = nil, nil
	s.drop()
	s.signOut()
	s.tenant.sockets.Add(-1)
	if s.hub.shared && s.established {
		s.hub.cluster.Depart(s.app)
	}
}

// Receive handles one message of the client. It does not keep a reference to payload.
func (s *Session) Receive(payload []byte) {
	if s.state != sessionOpen {
		return
	}
	if s.signing {
		s.hold(forSignin, payload)
		return
	}
	s.handle(payload)
}

// handle handles a message that need not wait for a sign-in, or that was received
// before it.
func (s *Session) handle(payload []byte) {
	if s.state != sessionOpen {
		return
	}
	m, err := pusherproto.DecodeMessage(payload)
	if err != nil {
		s.refuseMessage(err)
		return
	}
	switch string(m.Event) {
	case pusherproto.EventPing:
		s.conn.Send(s.hub.pong)
	case pusherproto.EventPong:
	case pusherproto.EventSubscribe:
		s.subscribe(m, payload)
	case pusherproto.EventUnsubscribe:
		s.unsubscribe(m, payload)
	case pusherproto.EventSignin:
		s.signIn(m)
	default:
		s.clientEvent(m, payload)
	}
}

// TooLarge answers a message of more than most bytes, of which the transport kept
// only the outline. A client that waits for its subscription must receive an
// answer: if the connection were closed, it would send the same message again.
func (s *Session) TooLarge(outline *pusherproto.Outline, most int) {
	if s.state != sessionOpen {
		return
	}
	reason := fmt.Sprintf("The message is larger than %d bytes", most)
	if m, err := pusherproto.DecodeMessage(outline.Message()); err == nil && string(m.Event) == pusherproto.EventSubscribe {
		if req, err := pusherproto.DecodeSubscribe(m.Data); err == nil {
			s.refuseFor(ReasonMessageTooLarge, req.Channel, &pusherproto.SubscriptionError{Type: "LimitReached", Status: 413, Message: reason})
			return
		}
	}
	s.logRefused("message refused", "", pusherproto.CodeNone, reason)
	s.complain(ReasonMessageTooLarge, "", pusherproto.CodeNone, reason)
}

// send seals and queues a frame for this socket alone.
func (s *Session) send(buf []byte) { s.conn.Send(seal(buf)) }

// refuseMessage sends the error for a message that cannot be decoded.
func (s *Session) refuseMessage(e *pusherproto.Error) {
	s.logRefused("message refused", "", e.Code, e.Message)
	s.complain(ReasonMessage, "", e.Code, e.Message)
}

// complain sends pusher:error and keeps the connection. The reason may be "" if
// the code implies it.
func (s *Session) complain(reason Reason, channel string, code int, message string) {
	s.hub.RefusedFor(s.tenant.id, code, reason)
	s.send(pusherproto.AppendError(beginFrame(128+len(message)), channel, code, message))
}

// shown returns a name that the client sent, cut to 200 bytes, for a message to
// the client.
func shown(name string) string {
	const most = 200
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// fail sends pusher:error and closes the connection with the same code.
func (s *Session) fail(code int, message string) { s.failFor("", code, message) }

func (s *Session) failFor(reason Reason, code int, message string) {
	if s.state != sessionOpen {
		return
	}
	s.complain(reason, "", code, message)
	s.state = sessionClosing
	s.conn.Close(code, message)
}

// Fail sends pusher:error with the code and closes the connection with it.
// Transports use it to close a socket for their own reasons.
func (s *Session) Fail(code int, message string) { s.fail(code, message) }

// FailFor is Fail with a reason that the code does not imply.
func (s *Session) FailFor(reason Reason, code int, message string) { s.failFor(reason, code, message) }

// newSocketID returns two random numbers from 1 to 2^32
// (docs/spec/websocket.md#the-first-frame): ids cannot be guessed and, at 64 bits,
// do not repeat.
func newSocketID() pusherproto.SocketID {
	var b [8]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return pusherproto.SocketID{
		A: 1 + uint64(binary.LittleEndian.Uint32(b[:4])),
		B: 1 + uint64(binary.LittleEndian.Uint32(b[4:])),
	}
}
