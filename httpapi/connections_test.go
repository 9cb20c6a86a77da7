package httpapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"fanfare/internal/account"
	"fanfare/internal/testkit/deadline"
)

// addressed is a connection that only has a peer.
type addressed struct {
	net.Conn
	peer   string
	closed bool
}

func (c *addressed) RemoteAddr() net.Addr {
	if c.peer == "" {
		return nil
	}
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.peer))
}

func (c *addressed) Close() error {
	c.closed = true
	return nil
}

// counting is a census of few, and what it has.
func counting(b connectionBounds, exempt func(netip.Addr) bool) (*connections, *account.Account) {
	if exempt == nil {
		exempt = func(netip.Addr) bool { return false }
	}
	a := account.New(0)
	census := newCensus(a, b, exempt, func(netip.Addr, crowding) {})
	return newConnections(census, func() time.Duration { return time.Minute }), a
}

func expectNothingHeld(t *testing.T, s *connections, a *account.Account) {
	t.Helper()
	c := s.census
	if len(s.all) != 0 || len(c.places) != 0 || c.pressed.Load() != 0 || a.Count(account.Connections) != 0 || a.Bytes() != 0 {
		t.Errorf("%d connections, %d addresses, %d with many, %d and %d bytes in the account are left",
			len(s.all), len(c.places), c.pressed.Load(), a.Count(account.Connections), a.Bytes())
	}
}

// See docs/spec/edge-cases.md, case 9: one address is limited, others connect.
func TestConnections_CountsAddressesApart(t *testing.T) {
	proxy := netip.MustParseAddr("10.0.0.1")
	s, _ := counting(connectionBounds{unfinished: 2}, func(a netip.Addr) bool { return a == proxy })
	refused := 0
	s.census.refused = func(_ netip.Addr, why crowding) {
		if why == tooManyUnfinished {
			refused++
		}
	}
	open := func(peer string) *addressed {
		c := &addressed{peer: peer}
		s.watch(c, http.StateNew)
		return c
	}
	first := open("192.0.2.1:1")
	open("192.0.2.1:2")
	for _, tc := range []struct {
		peer string
		want bool // let in
	}{
		{"192.0.2.1:3", false},
		{"[::ffff:192.0.2.1]:4", false},
		{"192.0.2.2:1", true},
		{"[2001:db8::1]:1", true},
		{"[2001:db8::2]:1", true},
		{"[2001:db8::3]:1", false}, // the same /64
		{"[2001:db8:0:1::1]:1", true},
		{"10.0.0.1:1", true},
		{"10.0.0.1:2", true},
		{"10.0.0.1:3", true},
	} {
		if c := open(tc.peer); c.closed == tc.want {
			t.Errorf("%s: let in is %v, want %v", tc.peer, !c.closed, tc.want)
		}
	}
	if open("").closed {
		t.Error("a connection without an address was refused")
	}
	if refused != 3 {
		t.Errorf("%d refusals were told, want 3", refused)
	}
	s.watch(first, http.StateActive)
	s.watch(first, http.StateHijacked) // counted out once
	if open("192.0.2.1:5").closed {
		t.Error("the place of a finished handshake was not given back")
	}
	if !open("192.0.2.1:6").closed {
		t.Error("a finished handshake was counted out twice")
	}
}

// Requests that came all at once are not served in one go.
func TestConnections_RequestsThatCameTogether_LetOthersRunBetween(t *testing.T) {
	s, a := counting(connectionBounds{}, nil)
	yields := 0
	s.yield = func() { yields++ }
	c := &addressed{peer: "192.0.2.1:1"}
	s.watch(c, http.StateNew)
	s.watch(c, http.StateActive)
	s.watch(c, http.StateIdle)
	s.all[c].since = time.Now().Add(-time.Millisecond)
	s.watch(c, http.StateActive)
	if yields != 0 {
		t.Errorf("%d yields for a request that was waited for", yields)
	}
	for end := time.Now().Add(deadline.Long); yields == 0; { // the test itself may be interrupted
		if time.Now().After(end) {
			t.Fatal("the goroutine keeps the processor between two requests that came together")
		}
		s.watch(c, http.StateIdle)
		s.watch(c, http.StateActive)
	}
	s.watch(c, http.StateClosed)
	expectNothingHeld(t, s, a)
}

func TestConnections_NothingIsKept(t *testing.T) {
	s, a := counting(connectionBounds{all: 10, ofAddress: 2, unfinished: 3}, nil)
	for _, states := range [][]http.ConnState{
		{http.StateNew},
		{http.StateNew, http.StateActive},
		{http.StateNew, http.StateActive, http.StateIdle},
		{http.StateNew, http.StateActive, http.StateIdle, http.StateActive},
	} {
		for range 5 {
			c := &addressed{peer: "192.0.2.1:1"}
			for _, state := range states {
				s.watch(c, state)
			}
			defer s.watch(c, http.StateClosed)
			if n := a.Count(account.Connections); n > 4 {
				t.Errorf("%d connections of an address that may have 2", n)
			}
		}
	}
	session := &addressed{peer: "192.0.2.1:2"}
	s.watch(session, http.StateNew)
	s.watch(session, http.StateClosed)
	t.Cleanup(func() { expectNothingHeld(t, s, a) })
}

// Near the bound connections are idle for the shorter a time, from there on they
// end with an answer, and at twice the bound there are no more.
func TestCensus_TheMoreThereAreTheShorterTheyStay(t *testing.T) {
	const bound = 100
	addr, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for _, test := range []struct {
		name   string
		bounds connectionBounds
		others bool // feel it too
	}{
		{"by address", connectionBounds{ofAddress: bound}, false},
		{"in all", connectionBounds{all: bound}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := counting(test.bounds, nil)
			c := s.census
			last := time.Minute
			for n := 1; n <= 2*bound; n++ {
				if !c.Admit(addr) {
					t.Fatalf("connection %d is refused", n)
				}
				idle, full := c.Patience(addr, time.Minute)
				if n <= bound/2 != (idle == time.Minute) || full != (n >= bound) || idle > last || idle < time.Second || full != (idle == time.Second) {
					t.Fatalf("with %d: %v, %v", n, idle, full)
				}
				last = idle
				if idle, _ := c.Patience(other, time.Minute); test.others != (idle == last) && n > bound/2 {
					t.Fatalf("with %d another address has %v", n, idle)
				}
				if c.Crowded() != (test.others && n == 2*bound) {
					t.Fatalf("with %d it is crowded: %v", n, c.Crowded())
				}
			}
			if c.Admit(addr) != test.others {
				t.Errorf("at twice the bound one more is let in: %v", !test.others)
			}
			if !c.Admit(other) {
				t.Error("another address is refused")
			}
			c.setBounds(connectionBounds{})
			if !c.Calm() {
				t.Error("there is pressure without a bound")
			}
		})
	}
}

func TestCensus_WhileMemoryIsShort_ConnectionsEndWithTheirAnswer(t *testing.T) {
	s, a := counting(connectionBounds{}, nil)
	a.SetMost(1000)
	a.Hold(account.Bodies, 1001)
	if idle, full := s.census.Patience(netip.MustParseAddr("192.0.2.1"), time.Minute); idle != time.Second || !full {
		t.Errorf("%v, %v", idle, full)
	}
}

// However many there may be, at twice as many they take a quarter of the memory
// that may be held.
func TestCensus_TheBoundInAllFitsTheMemory(t *testing.T) {
	s, a := counting(connectionBounds{all: 1000}, nil)
	for most, want := range map[int64]int{0: 1000, 1: 1, 10 * memoryShare * netHTTPBytes: 10, 1 << 40: 1000} {
		a.SetMost(most)
		if got := s.census.most(); got != want {
			t.Errorf("with %d bytes: %d connections, want %d", most, got, want)
		}
	}
}

// A connection that has been idle for too long with so many is closed when
// another comes.
func TestConnections_Sweep_ClosesWhatIsIdleForTooLong(t *testing.T) {
	s, _ := counting(connectionBounds{all: 3}, nil)
	open := func(states ...http.ConnState) (conn, client net.Conn) {
		client, conn = net.Pipe()
		t.Cleanup(func() { _, _ = client.Close(), conn.Close() })
		_ = client.SetDeadline(time.Now().Add(deadline.Long))
		for _, state := range states {
			s.watch(conn, state)
		}
		return conn, client
	}
	long, old := open(http.StateNew, http.StateActive, http.StateIdle)
	_, fresh := open(http.StateNew, http.StateActive, http.StateIdle)
	s.all[long].since = time.Now().Add(-50 * time.Second)
	s.swept.Store(0)
	open(http.StateNew)
	if _, err := old.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("idle for 50 seconds: %v, want the end", err)
	}
	_ = fresh.SetReadDeadline(time.Now())
	if _, err := fresh.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
		t.Error("one that was just idle is closed")
	}
}

// lent is a connection of a loop's that net/http has.
type lent struct {
	net.Conn
	reading  bool
	recalled bool
}

func (*lent) Enter()          {}
func (*lent) Leave()          {}
func (*lent) Idle()           {}
func (*lent) Served(bool)     {}
func (l *lent) Reading() bool { return l.reading }
func (*lent) Expire()         {}
func (l *lent) Recall()       { l.recalled = true }

// A caller whose request is whole and who waits for busy event loops, four
// seconds at most, is not cut off when descriptors are short.
func TestConnections_Cut_LeavesThoseThatWaitForTheirAnswer(t *testing.T) {
	s, _ := counting(connectionBounds{}, nil)
	open := func(reading bool) (client net.Conn) {
		client, conn := net.Pipe()
		t.Cleanup(func() { _ = client.Close() })
		_ = client.SetDeadline(time.Now().Add(deadline.Long))
		l := &lent{Conn: conn, reading: reading}
		s.census.Enter(peer(conn.RemoteAddr().String()))
		s.watch(l, http.StateNew)
		s.watch(l, http.StateActive)
		return client
	}
	arrives, waits := open(true), open(false)
	s.cut(time.Now().Add(4 * time.Second))
	if _, err := arrives.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one whose request does not arrive: %v, want the end", err)
	}
	_ = waits.SetReadDeadline(time.Now())
	if _, err := waits.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
		t.Error("one that waits for its answer is closed")
	}
}

// When descriptors are short, connections between two requests are closed, but
// those of loops go back to them: a request may have arrived on one.
func TestConnections_Dismiss_EndsWhatIsIdle(t *testing.T) {
	s, _ := counting(connectionBounds{}, nil)
	open := func(conn, client net.Conn, states ...http.ConnState) net.Conn {
		t.Cleanup(func() { _ = client.Close() })
		_ = client.SetDeadline(time.Now().Add(deadline.Long))
		for _, state := range states {
			s.watch(conn, state)
		}
		return client
	}
	idle, active, pipe := []http.ConnState{http.StateNew, http.StateActive, http.StateIdle}, []http.ConnState{http.StateNew, http.StateActive}, net.Pipe
	conn, client := pipe()
	own := open(conn, client, idle...)
	conn, client = pipe()
	busy := open(conn, client, active...)
	conn, client = pipe()
	ofLoop := &lent{Conn: conn}
	s.census.Enter(peer(conn.RemoteAddr().String()))
	lent := open(ofLoop, client, idle...)

	s.dismiss()
	if _, err := own.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("an idle connection: %v, want the end", err)
	}
	for name, client := range map[string]net.Conn{"one with a request": busy, "a loop's": lent} {
		_ = client.SetReadDeadline(time.Now())
		if _, err := client.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			t.Errorf("%s is closed", name)
		}
	}
	if !ofLoop.recalled {
		t.Error("a loop's connection does not go back to it")
	}
}

// When descriptors are short a request that takes its time is closed, with its
// head read or not, but none that carries an HTTP session.
func TestConnections_Cut_LeavesSessionsAndIdleConnections(t *testing.T) {
	s, a := counting(connectionBounds{}, nil)
	open := func(states ...http.ConnState) (conn, client net.Conn) {
		client, conn = net.Pipe()
		t.Cleanup(func() { _ = client.Close() })
		_ = client.SetDeadline(time.Now().Add(deadline.Long))
		for _, state := range states {
			s.watch(conn, state)
		}
		return conn, client
	}
	_, head := open(http.StateNew)
	_, body := open(http.StateNew, http.StateActive)
	_, next := open(http.StateNew, http.StateActive, http.StateIdle, http.StateActive)
	session, receives := open(http.StateNew, http.StateActive)
	_, idle := open(http.StateNew, http.StateActive, http.StateIdle)
	r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	s.carries(r.WithContext(s.remember(r.Context(), session)))
	if n := a.Count(account.Connections); n != 4 {
		t.Errorf("%d connections are counted, want 4 without the session's", n)
	}

	s.cut(time.Now())
	s.cut(time.Now().Add(2 * arrival))
	for name, client := range map[string]net.Conn{"without a head": head, "without its body": body, "the second request": next} {
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v, want the end", name, err)
		}
	}
	for name, client := range map[string]net.Conn{"a session": receives, "an idle connection": idle} {
		_ = client.SetReadDeadline(time.Now())
		if _, err := client.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			t.Errorf("%s is closed", name)
		}
	}
	s.watch(session, http.StateIdle)
	if n := a.Count(account.Connections); n != 5 {
		t.Errorf("%d connections are counted, want 5 with that of the session that is over", n)
	}
	for conn := range s.all {
		s.watch(conn, http.StateClosed)
	}
	expectNothingHeld(t, s, a)
}
