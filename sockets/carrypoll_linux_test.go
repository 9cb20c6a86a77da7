package sockets

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fanfare/channels"
)

// pollPath is that of a poll of a session, which the query names.
const pollPath = "/poll"

// carryPoll has a session answer a poll.
func (d *testDoor) carryPoll(r *Request, name string) bool {
	return r.Carry(d.session(name), carriedWithin, func() CarriedResponse {
		if f := d.describe.Load(); f != nil {
			(*f)()
		}
		return carriedBy{d}
	})
}

// openPolled opens a session and takes its first lines.
func openPolled(t *testing.T, d *testDoor, s *Server, name string) {
	t.Helper()
	r := NewReceive(false)
	if refusal := s.OpenSession(d.session(name), netip.Addr{}, r, Opening{App: d.app, Protocol: 7}); refusal != nil {
		t.Fatal(refusal)
	}
	<-r.Chunks
	s.Written(d.session(name), r, nil)
}

// say has a session say something, which its client does not know as a message.
func (d *testDoor) say(t *testing.T, s *Server, name, text string) {
	t.Helper()
	inSession(t, s, d.session(name), func(c *conn, _ *httpSession) { c.Send(channels.NewFrame([]byte(text))) })
}

// waitsFor reports whether a connection of the session's loop carries its poll.
func (d *testDoor) waitsFor(t *testing.T, s *Server, name string) {
	t.Helper()
	eventually(t, "a poll waits for the session", func() (waits bool) {
		inSession(t, s, d.session(name), func(c *conn, h *httpSession) {
			r := h.receive
			waits = r != nil && r.carrier != nil && r.carrier.loop == c.loop && r.carrier.carrying()
		})
		return waits
	})
}

func askPoll(conn net.Conn, name string) { _, _ = io.WriteString(conn, post(pollPath+"?"+name, "")) }

// Polls over one connection after the other, of sessions on all loops, are answered
// by the sessions' loops. net/http gets none of them.
func TestCarry_Polls_GoToTheirSessionsLoop(t *testing.T) {
	const loops, sessions = 3, 9
	address, door, server := behindFrontOf(t, loops, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	for i := range sessions {
		openPolled(t, door, server, fmt.Sprint(i))
	}
	for round := range 2 {
		for i := range sessions {
			name, text := fmt.Sprint(i), fmt.Sprint("r", round)
			if round == 0 {
				door.say(t, server, name, text)
				askPoll(conn, name)
			} else {
				askPoll(conn, name)
				door.waitsFor(t, server, name)
				if n := door.held.Load(); n != 0 {
					t.Errorf("a connection that carries a session counts as %d without", n)
				}
				door.say(t, server, name, text)
			}
			expectBody(t, from, fmt.Sprintf("a[%q]\n", text))
			if n := door.ended(t); int(n) != len(text)+6 {
				t.Errorf("%d bytes are counted of the body", n)
			}
			awaitOnLoops(t, server, 1)
		}
	}
	if n := len(door.handed); n > 0 {
		t.Errorf("net/http got %d connections", n)
	}
}

// What comes behind a poll is answered behind it, each in its turn, though all
// came at once.
func TestCarry_PollsInAPipeline_AreAnsweredInOrder(t *testing.T) {
	address, door, server := behindFrontOf(t, 2, nil)
	const polls = 40 // of two sessions in turn, on different loops
	for _, name := range []string{"a", "b"} {
		openPolled(t, door, server, name)
	}
	var all string
	for i := range polls {
		all += post(pollPath+"?"+string("ab"[i%2]), "") + post("/here", "")
	}
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, all)
	for i := range polls {
		name, text := string("ab"[i%2]), fmt.Sprint("n", i)
		door.waitsFor(t, server, name)
		door.say(t, server, name, text)
		expectBody(t, from, fmt.Sprintf("a[%q]\n", text))
		expectBody(t, from, "loop")
		door.ended(t)
	}
}

// A large response goes out in pieces, with its length before it.
func TestCarry_APollOfManyPieces_IsWhole(t *testing.T) {
	address, door, server := behindFrontOf(t, 1, nil)
	openPolled(t, door, server, "a")
	const frames, size = 9, 20 << 10
	for i := range frames {
		door.say(t, server, "a", strings.Repeat(fmt.Sprint(i), size))
	}
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	for range 2 {
		askPoll(conn, "a")
		body := readBody(t, from)
		door.ended(t)
		if len(body) > frames*size {
			return
		}
	}
	t.Error("not all was received")
}

// Sessions of one loop that have something large to say at the same time say it
// each to its own client.
func TestCarry_PollsOfManyPieces_AreNotMixed(t *testing.T) {
	address, door, server := behindFrontOf(t, 1, nil)
	const size = carryPiece + carryPiece/2
	names := []string{"a", "b", "c"}
	said := map[string]*bufio.Reader{}
	for _, name := range names {
		openPolled(t, door, server, name)
		conn := dialFront(t, address)
		said[name] = bufio.NewReader(conn)
		askPoll(conn, name)
		door.waitsFor(t, server, name)
	}
	halted(server.loops, func() {
		for _, name := range names {
			c := server.sessions.byKey[door.session(name)]
			c.Send(channels.NewFrame([]byte(strings.Repeat(name, size))))
		}
	})
	for _, name := range names {
		expectBody(t, said[name], "a[\""+strings.Repeat(name, size)+"\"]\n")
		door.ended(t)
	}
}

// An event for the polls of many sessions is sent to all of them in few system
// calls, and each response is whole.
func TestCarry_AnEventForManyPolls_ReachesAll(t *testing.T) {
	address, door, server := behindFrontOf(t, 1, nil)
	const polls = 2*ringSends + leastTogether
	var all []*bufio.Reader
	for i := range polls {
		openPolled(t, door, server, fmt.Sprint(i))
		conn := dialFront(t, address)
		all = append(all, bufio.NewReader(conn))
		askPoll(conn, fmt.Sprint(i))
		door.waitsFor(t, server, fmt.Sprint(i))
	}
	frame := channels.NewFrame([]byte("event"))
	halted(server.loops, func() {
		for i := range polls {
			server.sessions.byKey[door.session(fmt.Sprint(i))].Send(frame)
		}
	})
	for _, from := range all {
		expectBody(t, from, "a[\"event\"]\n")
		door.ended(t)
	}
}

// The lines of a session that a handler writes are not those of another session,
// which the loop writes in the meantime.
func TestCarry_APollBesideAHandler_TheyAreNotMixed(t *testing.T) {
	address, door, server := behindFrontOf(t, 1, nil)
	for _, name := range []string{"a", "b"} {
		openPolled(t, door, server, name)
	}
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	poll := func(text string) {
		door.say(t, server, "a", text)
		askPoll(conn, "a")
		expectBody(t, from, "a[\""+text+"\"]\n")
		door.ended(t)
	}
	poll("before")
	handled := NewReceive(false)
	server.Attach(door.session("b"), handled)
	door.say(t, server, "b", "handled")
	chunk := <-handled.Chunks
	poll("behind")
	if string(chunk) != "a[\"handled\"]\n" {
		t.Errorf("the handler has %q", chunk)
	}
	server.Written(door.session("b"), handled, nil)
}

// A poll that came in two parts, with a request behind it, is handled once, though
// much is queued to be written.
func TestCarry_APollInParts_IsHandledOnce(t *testing.T) {
	address, door, server := behindFrontOf(t, 1, nil)
	openPolled(t, door, server, "a")
	door.say(t, server, "a", "text")
	server.queueBytes.Store(64)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	poll := post(pollPath+"?a", "")
	_, _ = io.WriteString(conn, poll[:20])
	eventually(t, "the first part has come", func() (come bool) {
		halted(server.loops, func() {
			for _, slot := range server.loops[0].slots {
				come = come || slot.conn != nil && len(slot.conn.in) == 20
			}
		})
		return come
	})
	_, _ = io.WriteString(conn, poll[20:]+post("/here", ""))
	expectBody(t, from, "a[\"text\"]\n")
	expectBody(t, from, "loop")
	door.ended(t)
}

// A session that is opened by another request in this moment answers too.
func TestCarry_APollOfASessionThatBegins_IsAnswered(t *testing.T) {
	address, door, server := behindFrontOf(t, 1, nil)
	first := NewReceive(false)
	opens := func() {
		door.answer.Store(nil)
		server.OpenSession(door.session("a"), netip.Addr{}, first, Opening{App: door.app, Protocol: 7})
	}
	door.answer.Store(&opens)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	askPoll(conn, "a")
	<-first.Chunks
	server.Written(door.session("a"), first, nil)
	door.waitsFor(t, server, "a")
	door.say(t, server, "a", "text")
	expectBody(t, from, "a[\"text\"]\n")
	door.ended(t)
}

// A session that dies between the two steps of a poll leaves it without a body, as
// it does where net/http waits.
func TestCarry_TheSessionOfAPollHasDied_ItEndsEmpty(t *testing.T) {
	for _, loops := range []int{2, 3} { // where the session is on another loop, and perhaps not
		t.Run(fmt.Sprint(loops), func(t *testing.T) {
			address, door, server := behindFrontOf(t, loops, nil)
			for range 6 {
				openPolled(t, door, server, "a")
				var dying *conn
				inSession(t, server, door.session("a"), func(c *conn, _ *httpSession) { dying = c })
				dies := func() { dying.lane.Post(channels.Call(dying.die)) }
				door.describe.Store(&dies)
				conn := dialFront(t, address)
				from := bufio.NewReader(conn)
				askPoll(conn, "a")
				expectBody(t, from, "")
				if n := door.ended(t); n != 0 {
					t.Errorf("%d bytes of nothing", n)
				}
				_, _ = io.WriteString(conn, post("/here", ""))
				expectBody(t, from, "loop")
				eventually(t, "the session is gone", func() bool { _, ok := server.Session(door.session("a")); return !ok })
			}
		})
	}
}

// A client that leaves while its poll is on its way to another loop takes nothing of
// the session with it.
func TestCarry_TheClientOfAPollLeaves_TheSessionKeepsAll(t *testing.T) {
	address, door, server := behindFrontOf(t, 3, nil)
	openPolled(t, door, server, "a")
	for i := range 12 {
		conn := dialFront(t, address)
		leaves := func() { _ = conn.Close() }
		if i%2 == 0 {
			leaves = func() { _ = conn.(*net.TCPConn).SetLinger(0); _ = conn.Close() }
		}
		door.describe.Store(&leaves)
		askPoll(conn, "a")
		if n := door.ended(t); n != 0 {
			t.Errorf("%d bytes were written to a client that has left", n)
		}
	}
	door.describe.Store(nil)
	awaitOnLoops(t, server, 0)
	eventually(t, "the session waits for another poll", func() (without bool) {
		inSession(t, server, door.session("a"), func(_ *conn, h *httpSession) { without = h.receive == nil && h.next == nil })
		return without
	})
	door.say(t, server, "a", "text")
	conn := dialFront(t, address)
	askPoll(conn, "a")
	expectBody(t, bufio.NewReader(conn), "a[\"text\"]\n")
	door.ended(t)
}

// A poll that waits while the connections become too many ends its connection, and
// its response says so.
func TestCarry_TooManyConnectionsMeanwhile_TheResponseIsTheLast(t *testing.T) {
	for _, text := range []string{"text", ""} { // "" takes its place by another poll
		address, door, server := behindFrontOf(t, 2, nil)
		openPolled(t, door, server, "a")
		conn := dialFront(t, address)
		askPoll(conn, "a")
		door.waitsFor(t, server, "a")
		door.many.Store(true)
		want := ""
		if text == "" {
			r := NewReceive(false)
			server.Attach(door.session("a"), r)
			defer func() { server.Detach(door.session("a"), r, errLeft) }()
		} else {
			want = fmt.Sprintf("a[%q]\n", text)
			door.say(t, server, "a", text)
		}
		from := bufio.NewReader(conn)
		r, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if string(body) != want || err != nil || !r.Close {
			t.Errorf("got %q, %v, and it ends the connection: %v", body, err, r.Close)
		}
		if rest, err := io.ReadAll(from); len(rest) > 0 || err != nil {
			t.Errorf("behind it: %q, %v", rest, err)
		}
		door.ended(t)
		door.many.Store(false)
	}
}

// A poll on its way to the loop of its session when the server stops is closed.
func TestCarry_APollAsTheServerStops_IsClosed(t *testing.T) {
	for range 4 {
		address, door, server := behindFrontOf(t, 3, nil)
		openPolled(t, door, server, "a")
		stops := func() { server.stop() }
		door.describe.Store(&stops)
		ended := make(chan error, 3)
		for range cap(ended) { // which come to different loops, one of them the session's
			conn := dialFront(t, address)
			askPoll(conn, "a")
			go func() { _, err := io.ReadAll(conn); ended <- err }()
		}
		for range cap(ended) - 1 {
			if err := <-ended; err != nil && !errors.Is(err, unix.ECONNRESET) {
				t.Errorf("a poll whose session's loop has stopped: %v", err)
			}
		}
	}
}
