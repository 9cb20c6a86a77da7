package sockets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/account"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

// One turn of a loop reads every socket once, so what it takes of one is what
// the others wait for.
func TestRead_AFlood_IsTakenInSmallShares(t *testing.T) {
	l := loopByHand(t)
	client := dialByHand(t, l)
	message := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("{}"))))
	const messages = 10_000
	if _, err := client.Write(bytes.Repeat(message, messages)); err != nil {
		t.Fatal(err)
	}
	handled := func() uint64 { return l.server.hub.Stats().MessagesReceived }
	for handled() == 0 { // the first read shows what it is
		l.turn(patience)
	}
	most := uint64(greedyRead/len(message) + 1)
	for before := handled(); before < messages; before = handled() {
		if l.turn(patience); handled()-before > most {
			t.Fatalf("a turn handled %d messages of one socket", handled()-before)
		}
	}
	l.turn(0)
	if _, err := client.Write(message); err != nil { // nothing waits any more
		t.Fatal(err)
	}
	for handled() == messages {
		l.turn(patience)
	}
	if only(t, l).pace != steady {
		t.Error("the socket is still read in small shares")
	}
}

// A crowd that speaks at once is taken in shares as well, and a request that comes
// after it is not behind it.
func TestRead_ACrowd_IsTakenInShares_RequestsFirst(t *testing.T) {
	l := loopByHand(t)
	address, door := frontByHand(t, l)
	var answered atomic.Uint64
	count := func() { answered.Add(1) }
	door.answer.Store(&count)
	caller, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = caller.Close() })
	const sockets, messages = 200, 40
	message := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("{}"))))
	var clients []net.Conn
	for range sockets {
		clients = append(clients, dialByHand(t, l))
	}
	for _, c := range clients {
		if _, err := c.Write(bytes.Repeat(message, messages)); err != nil {
			t.Fatal(err)
		}
	}
	handled := func() uint64 { return l.server.hub.Stats().MessagesReceived }
	for handled() == 0 {
		l.turn(patience)
	}
	if _, err := io.WriteString(caller, "GET /here HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	turns := 0
	for before := handled(); before < sockets*messages; before = handled() {
		if l.turn(patience); handled()-before > turnReads+messages {
			t.Fatalf("a turn handled %d messages", handled()-before)
		}
		if turns++; turns == 4 && answered.Load() == 0 {
			t.Errorf("a request waits behind a crowd, of which %d messages are handled", handled())
		}
	}
	for turns = 0; turns < 3; turns++ { // nothing waits any more
		l.turn(0)
	}
	for i := range l.slots {
		if c := l.slots[i].conn; c != nil && c.pace != steady {
			t.Fatal("a socket is still read in small shares")
		}
	}
}

// A caller may write many requests at once, and each costs more than a frame.
func TestRead_AFloodOfRequests_IsTakenInSmallShares(t *testing.T) {
	l := loopByHand(t)
	address, door := frontByHand(t, l)
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	var answered atomic.Uint64
	count := func() { answered.Add(1) }
	door.answer.Store(&count)
	const request, requests = "GET /here HTTP/1.1\r\nHost: h\r\n\r\n", 5000
	for len(l.slots) == 0 {
		l.turn(patience)
	}
	if _, err := client.Write(bytes.Repeat([]byte(request), requests)); err != nil {
		t.Fatal(err)
	}
	for answered.Load() == 0 { // the first read shows what it is
		l.turn(patience)
	}
	const most = uint64(greedyRead/len(request) + 1)
	for before := answered.Load(); before < requests; before = answered.Load() {
		if l.turn(patience); answered.Load()-before > most {
			t.Fatalf("a turn answered %d requests of one connection", answered.Load()-before)
		}
	}
}

// A loop that reads a publish posts the event to itself. It is awake, so nobody has
// to wake it.
func TestTurn_WhatItReadsPostsToTheLoop_NothingWakesIt(t *testing.T) {
	l := loopByHand(t)
	address, door := frontByHand(t, l)
	client, _ := acceptByHand(t, l, address)
	carried := false
	publish := func() { l.Post(channels.Call(func() { carried = true })) }
	door.answer.Store(&publish)
	eventfd := l.waiter.(*epoll).eventfd
	_, _ = unix.Read(eventfd, make([]byte, 8)) // whatever woke it so far
	if l.idle() == 0 {
		t.Fatal("the loop has mail")
	}
	_, _ = io.WriteString(client, post("/here", ""))
	l.turn(patience)
	if !carried {
		t.Fatal("what was posted was not handled in the turn")
	}
	if _, err := unix.Read(eventfd, make([]byte, 8)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the loop was woken: %v", err)
	}
}

// A connection whose request is there is not closed for another because the loop
// could not look in time.
func TestRelinquish_ARequestThatIsThere_IsRead(t *testing.T) {
	for _, test := range []struct {
		sent   string
		closed bool
	}{
		{"GET /here HTTP/1.1\r\nHost: h\r\n\r\n", false},
		{"GET /here HTTP/1.1\r\nHost: h\r\n", true},
		{"", true},
	} {
		t.Run(test.sent, func(t *testing.T) {
			l := loopByHand(t)
			address, _ := frontByHand(t, l)
			client, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			for len(l.slots) == 0 {
				l.turn(patience)
			}
			if _, err := io.WriteString(client, test.sent); err != nil {
				t.Fatal(err)
			}
			c := only(t, l)
			if test.sent != "" {
				awaitReadable(t, c)
			}
			c.front.since, c.front.heard = -arrival, -arrival
			if closed := l.relinquish(); closed != test.closed {
				t.Errorf("closed %v, want %v", closed, test.closed)
			}
			l.turn(0)
		})
	}
}

// awaitReadable waits until something has arrived that the loop has not read.
func awaitReadable(t *testing.T, c *conn) {
	t.Helper()
	poll := []unix.PollFd{{Fd: c.fd, Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, int(deadline.Long.Milliseconds())); n != 1 {
		t.Fatalf("nothing has arrived: %v", err)
	}
}

// One short wait among long ones, as of many idle sockets that ping, costs no
// system call, and one long wait among short ones makes no loop calm.
func TestCalm_FollowsTheAverageOfTheWaits(t *testing.T) {
	const short = 50 * time.Microsecond
	var p epoll
	p.waited(time.Second)
	if p.calm() {
		t.Error("calm after one long wait")
	}
	for range 100 {
		for range 7 {
			p.waited(4 * time.Millisecond)
		}
		if p.waited(short); !p.calm() {
			t.Fatal("not calm after one short wait among long ones")
		}
	}
	for range 30 {
		p.waited(short)
	}
	if p.calm() {
		t.Error("calm after thirty short waits")
	}
}

// Who leaves with many places, on channels and among those who watch somebody,
// keeps nobody waiting for more than a turn's share of them.
func TestBury_OfManyPlaces_TakesSeveralTurns(t *testing.T) {
	l := loopByHand(t)
	const many, each = 20, 100
	var watched []string
	for i := range each {
		watched = append(watched, strconv.Itoa(i))
	}
	list, err := json.Marshal(map[string]any{"id": "me", "watchlist": watched})
	if err != nil {
		t.Fatal(err)
	}
	for range many {
		dialByHand(t, l)
	}
	for i := range l.slots {
		c := l.slots[i].conn
		for n := range each {
			c.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"channel":"c%d"}}`, n))
		}
		c.Receive(fmt.Appendf(nil, `{"event":"pusher:signin","data":{"auth":"key:%s","user_data":%q}}`,
			pusherproto.SignUser("secret", c.ID(), string(list)), list))
	}
	for l.turn(0) {
	}
	for i := range l.slots {
		c := l.slots[i].conn
		if n := c.Places(); n != 2*each+1 {
			t.Fatalf("a socket has %d places", n)
		}
		c.die()
	}
	const most = turnLeaves/(2*each) + 1
	for left := l.server.Sockets(); left > 0; left = l.server.Sockets() {
		if more := l.turn(0); left-l.server.Sockets() > most || l.server.Sockets() > 0 && !more {
			t.Fatalf("of %d sockets a turn ended %d, and there is more: %v", left, left-l.server.Sockets(), more)
		}
	}
}

// A request for net/http goes there in its turn, whoever ends before it, and
// nothing more of it is read on the way.
func TestBury_HandsOverBeforeManyPlaces(t *testing.T) {
	l := loopByHand(t)
	address, door := frontByHand(t, l)
	const many, each = 5, turnLeaves
	for range many {
		dialByHand(t, l)
	}
	for i := range l.slots {
		for n := range each {
			l.slots[i].conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"channel":"c%d"}}`, n))
		}
	}
	for l.turn(0) {
	}
	client, c := acceptByHand(t, l, address)
	for i := range many {
		l.slots[i].conn.die()
	}
	if _, err := io.WriteString(client, post("/elsewhere", strings.Repeat("x", 8*requestRead))); err != nil {
		t.Fatal(err)
	}
	for c.state == connOpen {
		left := l.server.Sockets()
		if l.turn(patience); left > 0 && left == l.server.Sockets() {
			t.Fatal("a turn ended nothing")
		}
	}
	if l.server.Sockets() == 0 {
		t.Error("the request went to net/http after all sockets had ended")
	}
	if n := len(c.in); n > requestRead {
		t.Errorf("%d bytes of it were read", n)
	}
	closeHanded(t, door)
}

// Nobody is late for net/http who waits for the loop.
func TestBury_HandsOverHoweverLongATurnTakes(t *testing.T) {
	l := loopByHand(t)
	address, door := frontByHand(t, l)
	_, c := acceptByHand(t, l, address)
	c.feed([]byte(post("/elsewhere", "x")))
	for range 3 {
		l.started = l.started.Add(-time.Hour)
		l.tick()
		l.expire()
	}
	if l.turn(0); c.fd != -1 {
		t.Error("the connection was not handed over")
	}
	closeHanded(t, door)
}

// What follows a request that goes to net/http stays with the kernel while the
// answers before it are written.
func TestRead_OfWhoLeavesForNetHTTP_TakesNothing(t *testing.T) {
	l := loopByHand(t)
	address, _ := frontByHand(t, l)
	client, c := acceptByHand(t, l, address)
	c.feed([]byte(post("/here", "x") + post("/elsewhere", strings.Repeat("x", requestRead))))
	if !c.leaving() || c.queue.bytes == 0 {
		t.Fatal("the connection does not leave behind an answer")
	}
	if _, err := io.WriteString(client, "more"); err != nil {
		t.Fatal(err)
	}
	kept := len(c.in)
	for range 10 {
		l.waiter.(*epoll).read(c)
	}
	if n := len(c.in) - kept; n > 0 {
		t.Errorf("%d bytes more were read", n)
	}
	c.die()
}

// A connection that cannot be handed over, because the server drains, is read on:
// bytes that nobody has read would turn the end of its answer into a reset.
func TestUnavailable_WhatFollowsTheRequestIsRead(t *testing.T) {
	l := loopByHand(t)
	address, _ := frontByHand(t, l)
	client, c := acceptByHand(t, l, address)
	c.feed([]byte(post("/here", "x") + post("/elsewhere", "x")))
	l.waiter.(*epoll).block(c) // as if the client had not read yet
	c.blocked = false
	c.link.flush(c)
	front := l.front
	l.front = nil
	for c.state == connOpen {
		l.turn(0)
	}
	l.front = front
	if _, err := io.WriteString(client, "more"); err != nil {
		t.Fatal(err)
	}
	waiting := func() int {
		n, err := unix.IoctlGetInt(int(c.fd), unix.SIOCINQ)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for until := time.Now().Add(patience); waiting() == 0 && time.Now().Before(until); {
		runtime.Gosched()
	}
	for until := time.Now().Add(patience); waiting() > 0; l.turn(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("what follows the request is not read")
		}
	}
	c.die()
}

// A drain is over when nobody is counted: by then all have left their channels,
// and whoever listens was told.
func TestBury_OfHTTPSessions_TheyCountUntilTheyHaveLeft(t *testing.T) {
	l := loopByHand(t)
	server, app := l.server, testApp()
	receives := make(map[SessionKey]*Receive)
	const many, each = 10, turnLeaves / 4
	for i := range many {
		key, r := SessionKey{AppID: app.ID, Random: strconv.Itoa(i)}, NewReceive(true)
		server.OpenSession(key, netip.Addr{}, r, Opening{App: app, Protocol: 7})
		receives[key] = r
	}
	write := func() (wrote bool) { // as the handlers do
		for key, r := range receives {
			select {
			case _, ok := <-r.Chunks:
				if ok {
					server.Written(key, r, nil)
					wrote = true
				}
			default:
			}
		}
		return wrote
	}
	l.turn(0)
	for i := range l.slots {
		for n := range each {
			l.slots[i].conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"channel":"c%d"}}`, n))
		}
	}
	for l.turn(0) || write() {
	}
	l.dismiss(1)
	for server.Sockets() > 0 {
		l.turn(0)
		write()
	}
	if left, err := server.hub.Channels(t.Context(), app, ""); err != nil || len(left) > 0 {
		t.Errorf("nobody is counted and %d channels are occupied (%v)", len(left), err)
	}
}

// A caller who sends head and body apart owes something else with each piece.
func TestSchedule_OfRequestsInPieces_IsFewEntries(t *testing.T) {
	l := loopByHand(t)
	address, _ := frontByHand(t, l)
	_, c := acceptByHand(t, l, address)
	head, body, _ := strings.Cut(post("/here", "body"), "body")
	for range 1000 {
		c.feed([]byte(head))
		c.feed([]byte("body" + body))
	}
	entries := 0
	for _, slot := range l.wheel.slots {
		entries += len(slot)
	}
	if entries > 10 {
		t.Errorf("%d entries", entries)
	}
}

// loopByHand returns the loop of a server that is not run, to be turned by the
// test.
func loopByHand(t testing.TB) *loop {
	t.Helper()
	all := account.New(0)
	server, err := New(Config{Loops: 1, Account: all}, channels.New(channels.Config{Account: all}))
	if err != nil {
		t.Fatal(err)
	}
	l := server.loops[0]
	t.Cleanup(func() {
		for i := range l.slots {
			if c := l.slots[i].conn; c != nil {
				c.die()
			}
		}
		l.settle()
		l.waiter.close()
		nothingHeld(t, server)
	})
	return l
}

// dialByHand returns the client of a socket that the loop has got.
func dialByHand(t testing.TB, l *loop) net.Conn {
	t.Helper()
	return dialByHandAs(t, l, testApp())
}

func dialByHandAs(t testing.TB, l *loop, app *apps.App) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l.server.Serve(conn, nil, Opening{App: app, Protocol: 7})
	l.turn(0)
	return client
}

// frontByHand has the loop accept what is dialed.
func frontByHand(t *testing.T, l *loop) (address string, door *testDoor) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door = &testDoor{}
	front, err := l.server.Front(listener, FrontConfig{
		Door: door, HeaderTimeout: patience, BodyTimeout: 2 * patience, IdleTimeout: 3 * patience,
		MaxHeaderBytes: 4 << 10, MaxBodyBytes: 4 << 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	door.listener.Store(front.(*frontListener))
	t.Cleanup(func() { _ = front.Close() })
	return listener.Addr().String(), door
}

// acceptByHand returns the client of a connection that the loop has accepted.
func acceptByHand(t *testing.T, l *loop, address string) (client net.Conn, c *conn) {
	t.Helper()
	before := len(l.slots)
	client = dialFront(t, address)
	for len(l.slots) == before {
		l.turn(patience)
	}
	return client, l.slots[before].conn
}

// closeHanded closes a connection that was handed over, as net/http would.
func closeHanded(t *testing.T, door *testDoor) {
	t.Helper()
	handed, err := door.listener.Load().Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = handed.Close()
}

func testApp() *apps.App {
	app := apps.Default()
	app.ID, app.Keys = "1", []apps.Key{{Key: "key", Secret: "secret"}}
	app.SubscriptionCount = false
	return &app
}

func only(t *testing.T, l *loop) *conn {
	t.Helper()
	if len(l.slots) != 1 || l.slots[0].conn == nil {
		t.Fatalf("slots %+v", l.slots)
	}
	return l.slots[0].conn
}
