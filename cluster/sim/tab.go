package sim

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// tab is a page in a browser. Like pusher-js it reconnects when its connection has
// ended, and subscribes to its channels again.
type tab struct {
	w         *World
	serial    int
	user      string
	signs     bool     // whether it signs in
	watchlist []string // sent when it signs in
	wants     []string // channels that it subscribes to
	sock      *socket  // nil while it has no connection
	ended     bool
	pinned    *node // the only node it connects to, if any
}

// socket is one connection of a tab, as the node and as the client see it.
type socket struct {
	channels.Session
	tab    *tab
	node   *node
	serial int
	sent   int          // client events
	saying int          // the client event that the node is handling, 0 for none
	denied map[int]bool // client events that were refused
	closed int          // code, 0 while open
	gone   bool
	opened time.Duration       // when it connected
	left   time.Duration       // when it disconnected
	heard  map[string]*hearing // by channel
	names  []string            // of heard, in order
	// The watchlist: the users that are online, nil before the first answer.
	signedIn time.Duration // -1 if not
	asked    time.Duration // when it requested that
	online   map[string]bool
}

func (s *socket) String() string {
	return fmt.Sprintf("socket %d of %s on %s", s.serial, s.tab.user, s.node)
}

func (w *World) open(user string) *tab {
	w.serial++
	t := &tab{w: w, serial: w.serial, user: user}
	if t.signs = w.random.IntN(3) == 0; t.signs {
		for range w.random.IntN(4) {
			if u := w.anyUser(); !slices.Contains(t.watchlist, u) {
				t.watchlist = append(t.watchlist, u)
			}
		}
	}
	w.tabs = append(w.tabs, t)
	return t
}

// connect opens a connection to a node that accepts one.
func (t *tab) connect() {
	if t.ended || t.sock != nil {
		return
	}
	w := t.w
	n := w.anyNode(func(n *node) bool { return !n.dead && !n.draining && !n.frozen && (t.pinned == nil || t.pinned == n) })
	if n == nil {
		t.comeBack(time.Second)
		return
	}
	w.serial++
	s := &socket{tab: t, node: n, serial: w.serial, heard: map[string]*hearing{}, signedIn: -1, opened: w.now}
	if refusal := s.Open(n.hub, &w.app, n.loops[w.random.IntN(len(n.loops))], s); refusal != nil {
		t.comeBack(time.Second)
		return
	}
	t.sock = s
	n.sockets = append(n.sockets, s)
	if s.Established() {
		w.enters(s)
	}
	if w.tracing {
		w.tracef("", "%s is opened", s)
	}
	if t.signs {
		s.signIn()
	}
	for _, channel := range slices.Clone(t.wants) {
		s.subscribe(channel)
	}
}

func (t *tab) comeBack(within time.Duration) { t.w.after(t.w.jitter(within), t.connect) }

// end closes the tab, which does not reconnect.
func (t *tab) end() {
	t.ended = true
	t.w.tabs = slices.DeleteFunc(t.w.tabs, func(o *tab) bool { return o == t })
	if t.sock != nil {
		t.sock.leave()
	}
}

// leave closes the connection from the client's side.
func (s *socket) leave() {
	s.forget()
	s.node.do(s.ended)
}

// lost ends the connection of a killed node.
func (s *socket) lost() {
	s.forget()
	s.tab.w.exits(s)
	if t := s.tab; !t.ended {
		t.comeBack(1500 * time.Millisecond)
	}
}

// forget ends all subscriptions of the client.
func (s *socket) forget() {
	if s.tab.sock == s {
		s.tab.sock = nil
	}
	if s.closed == 0 {
		s.closed = 1
	}
	for _, name := range s.names {
		s.heard[name].silence()
	}
}

// ended closes the connection from the node's side.
func (s *socket) ended() {
	if s.gone {
		return
	}
	s.gone = true
	s.node.sockets = slices.DeleteFunc(s.node.sockets, func(o *socket) bool { return o == s })
	s.Gone()
	s.tab.w.exits(s)
}

// Opened implements channels.Conn.
func (s *socket) Opened(refusal *pusherproto.Error) {
	if refusal == nil {
		s.tab.w.enters(s)
		return
	}
	if refusal.Code == pusherproto.CodeOverQuota {
		s.tab.w.turnedAway(s)
	}
	s.Close(refusal.Code, refusal.Message)
}

// Close implements channels.Conn.
func (s *socket) Close(code int, reason string) {
	if s.closed != 0 {
		return
	}
	w := s.tab.w
	if w.tracing {
		w.tracef("", "%s is closed: %d %s", s, code, reason)
	}
	if code == pusherproto.CodeUnauthorized {
		w.terminated(s)
	}
	s.forget()
	s.closed = code
	s.node.loops[0].Post(channels.Call(s.ended)) // later, as a transport does
	if s.tab.ended {
		return
	}
	if code < 4100 { // pusher-js does not reconnect; the user opens another page
		s.tab.end()
		user := s.tab.user
		w.after(w.jitter(time.Second), func() {
			if len(w.tabs) < w.mostTabs() {
				w.open(user).connect()
			}
		})
		return
	}
	s.tab.comeBack(time.Second)
}

// says sends a message to the node.
func (s *socket) says(text []byte) { s.node.do(func() { s.Receive(text) }) }

func (s *socket) subscribe(channel string) {
	h := s.hearing(channel)
	h.asked++
	s.node.do(func() { h.sent = append(h.sent, 's') })
	s.says(subscription(s.ID(), channel, s.tab.user))
}

// subscription is the message that subscribes a user's socket.
func subscription(id pusherproto.SocketID, channel, user string) []byte {
	m := append(make([]byte, 0, 300), `{"event":"pusher:subscribe","data":{"channel":"`...)
	m = append(append(m, channel...), '"')
	kind := pusherproto.KindOf(channel)
	data := ""
	if kind.Presence() {
		data = `{"user_id":"` + user + `"}`
		m = append(m, `,"channel_data":`...)
		m = pusherproto.AppendString(m, data)
	}
	if kind.Signed() {
		m = append(m, `,"auth":"key:`...)
		m = append(m, pusherproto.SignChannel("secret", id, channel, data, kind.Presence())...)
		m = append(m, '"')
	}
	return append(m, `}}`...)
}

func (s *socket) unsubscribe(channel string) {
	h := s.hearing(channel)
	s.says([]byte(`{"event":"pusher:unsubscribe","data":{"channel":"` + channel + `"}}`))
	s.node.do(func() {
		if len(h.sent) > 0 { // it waits for the answer
			h.sent = append(h.sent, 'u')
		} else {
			h.silence()
		}
	})
}

func (s *socket) sendEvent(channel string) {
	s.sent++
	m := append(make([]byte, 0, 100), `{"event":"client-`...)
	m = strconv.AppendInt(m, int64(s.serial), 10)
	m = append(append(m, `","channel":"`...), channel...)
	m = strconv.AppendInt(append(m, `","data":`...), int64(s.sent), 10)
	n := s.sent
	s.node.do(func() {
		s.saying = n
		s.Receive(append(m, '}'))
		s.saying = 0
	})
}

func (s *socket) signIn() {
	t := s.tab
	data := append(make([]byte, 0, 100), `{"id":"`+t.user+`","watchlist":[`...)
	for i, u := range t.watchlist {
		if i > 0 {
			data = append(data, ',')
		}
		data = pusherproto.AppendString(data, u)
	}
	data = append(data, `]}`...)
	s.asked = t.w.now
	m := []byte(`{"event":"pusher:signin","data":{"auth":"key:` + pusherproto.SignUser("secret", s.ID(), string(data)) + `","user_data":`)
	s.says(append(pusherproto.AppendString(m, string(data)), `}}`...))
}
