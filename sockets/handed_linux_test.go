package sockets

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// onLoops is how many connections of HTTP the loops have.
func onLoops(s *Server) (n int) {
	halted(s.loops, func() {
		for _, l := range s.loops {
			for i := range l.slots {
				if c := l.slots[i].conn; c != nil && c.front != nil && c.state == connOpen {
					n++
				}
			}
		}
	})
	return n
}

// awaitOnLoops waits until the loops have n connections of HTTP.
func awaitOnLoops(t *testing.T, s *Server, n int) {
	t.Helper()
	end := time.Now().Add(patience)
	for onLoops(s) != n {
		if time.Now().After(end) {
			t.Fatalf("%d connections are on the loops, want %d", onLoops(s), n)
		}
		runtime.Gosched()
	}
}

func TestHanded_AnsweredAndIdle_GoesBackToItsLoop(t *testing.T) {
	address, _, server := behindFront(t, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	for range 3 {
		_, _ = io.WriteString(conn, post("/there", "1"))
		expectBody(t, from, "net/http 1")
		awaitOnLoops(t, server, 1)
		if n := server.resting.Load(); n != 0 {
			t.Errorf("%d connections rest with net/http", n)
		}
		_, _ = io.WriteString(conn, post("/here", "2"))
		expectBody(t, from, "loop")
	}
	_ = conn.Close()
	awaitOnLoops(t, server, 0)
}

// Whoever answers, however the bytes are cut, and wherever the connection goes
// back: all requests are answered, once and in order.
func TestHanded_BytesCutAnywhere_NoneIsLostOrReadTwice(t *testing.T) {
	address, _, server := behindFront(t, nil)
	server.resting.Store(mostResting) // back in the instant of the answer
	defer server.resting.Add(-mostResting)
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 12))
		conn := dialFront(t, address)
		var text strings.Builder
		var want []string
		for i := range 20 {
			body := strings.Repeat("x", random.IntN(3)) + fmt.Sprint(i)
			if random.IntN(200) == 0 {
				body = strings.Repeat("long", 3000) // for net/http, by its length
			}
			switch random.IntN(4) {
			case 0:
				text.WriteString(post("/here", body))
				if len(body) > 4<<10 {
					want = append(want, "net/http "+body)
				} else {
					want = append(want, "loop or net/http "+body)
				}
			case 1:
				text.WriteString(post("/there", body))
				want = append(want, "net/http "+body)
			case 2:
				text.WriteString(post("/there", body) + "\r\n") // some clients do
				want = append(want, "net/http "+body)
			case 3:
				text.WriteString(strings.Replace(post("/there", ""), "Content-Length: 0", "Transfer-Encoding: chunked", 1))
				fmt.Fprintf(&text, "%x\r\n%s\r\n0\r\n\r\n", len(body), body)
				want = append(want, "net/http "+body)
			}
		}
		go func() {
			for rest := text.String(); rest != ""; {
				n := min(len(rest), 1+random.IntN(1+random.IntN(300)))
				_, _ = io.WriteString(conn, rest[:n])
				if rest = rest[n:]; random.IntN(8) == 0 {
					time.Sleep(time.Duration(random.IntN(1000)) * time.Microsecond) // to be read in pieces
				}
			}
		}()
		from := bufio.NewReader(conn)
		for i, body := range want {
			got := readBody(t, from)
			if got != body && (!strings.HasPrefix(body, "loop or ") || got != "loop" && got != body[len("loop or "):]) {
				t.Fatalf("seed %d, answer %d is %.40q, want %.40q", seed, i, got, body)
			}
		}
		_ = conn.Close()
	}
}

// A blank line behind a POST is overlooked wherever it is read, and a request
// may have begun when the connection goes back.
func TestHanded_BeginningOfTheNextRequest_GoesBackToo(t *testing.T) {
	for _, begun := range []string{"", "P", "PO", "POS", "\r\n", "\r\nP"} {
		t.Run(begun, func(t *testing.T) {
			address, _, server := behindFront(t, nil)
			conn := dialFront(t, address)
			from := bufio.NewReader(conn)
			_, _ = io.WriteString(conn, post("/there", "1")+begun)
			expectBody(t, from, "net/http 1")
			awaitOnLoops(t, server, 1)
			next := post("/here", "")
			if strings.HasPrefix(begun, "\r\n") {
				next = "\r\n" + next
			}
			_, _ = io.WriteString(conn, next[len(begun):])
			expectBody(t, from, "loop")
		})
	}
}

func TestHanded_WithoutAFreeDescriptor_IsAnswered(t *testing.T) {
	address, _, server := behindFront(t, nil)
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, post("/here", ""))
	from := bufio.NewReader(conn)
	expectBody(t, from, "loop") // it is accepted
	restore := lowerOpenFiles(t)
	defer restore()
	var fillers []int
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			break
		}
		fillers = append(fillers, fd)
	}
	_, _ = io.WriteString(conn, post("/there", "1"))
	expectBody(t, from, "net/http 1")
	if _, err := from.ReadByte(); err != io.EOF { // it cannot go back, and others have to get in
		t.Errorf("behind the answer: %v, want the end", err)
	}
	for _, fd := range fillers {
		_ = unix.Close(fd)
	}
	awaitOnLoops(t, server, 0)
}

// However many requests come at once, none is dropped on its way to net/http.
func TestHanded_ACrowdAtOnce_AllAreAnswered(t *testing.T) {
	address, _, server := behindFront(t, nil)
	const crowd = 2000
	conns := make([]net.Conn, crowd)
	for i := range conns {
		conns[i] = dialFront(t, address)
	}
	halted(server.loops, func() {
		for i, conn := range conns {
			_, _ = io.WriteString(conn, post("/there", fmt.Sprint(i)))
		}
	})
	for i, conn := range conns {
		expectBody(t, bufio.NewReader(conn), "net/http "+fmt.Sprint(i))
		_ = conn.Close()
	}
}

// With many connections the idle ones are kept for a shorter time, those too
// that have been idle for long.
func TestFront_ManyConnections_IdleOnesAreClosed(t *testing.T) {
	address, door, server := behindFront(t, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, post("/here", ""))
	expectBody(t, from, "loop")
	halted(server.loops, func() { pass(server.loops, 3*time.Second) })
	awaitOnLoops(t, server, 1)
	door.hurried.Store(true)
	if _, err := from.ReadByte(); err != io.EOF {
		t.Errorf("got %v, want the end", err)
	}
}

func TestFront_TooManyConnections_OneIsClosedForOneThatComes(t *testing.T) {
	address, door, server := behindFront(t, nil)
	idle := dialFront(t, address)
	from := bufio.NewReader(idle)
	_, _ = io.WriteString(idle, post("/here", ""))
	expectBody(t, from, "loop")
	awaitOnLoops(t, server, 1)
	halted(server.loops, func() { pass(server.loops, arrival) })
	door.crowded.Store(true)
	next := dialFront(t, address)
	_, _ = io.WriteString(next, post("/here", ""))
	expectBody(t, bufio.NewReader(next), "loop")
	if _, err := from.ReadByte(); err != io.EOF {
		t.Errorf("the idle connection: %v, want the end", err)
	}
}

// Who was answered just now may have sent the next request: a connection that
// comes waits instead.
func TestFront_TooManyConnections_NoneIsClosedThatWasJustAnswered(t *testing.T) {
	l := loopByHand(t)
	address, _ := frontByHand(t, l)
	client := dialFront(t, address)
	for len(l.slots) == 0 {
		l.turn(patience)
	}
	c := only(t, l)
	c.front.counted, c.front.begun = false, false // a request was answered
	c.front.since, c.front.heard = -arrival, l.clock
	if l.relinquish() {
		t.Fatal("closed while its next request may be on its way")
	}
	c.front.heard = -arrival
	if !l.relinquish() {
		t.Fatal("not closed, though it has been idle")
	}
	// Until the end of the turn a request may still arrive.
	_, _ = io.WriteString(client, post("/here", ""))
	awaitReadable(t, c)
	l.bury()
	resp, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answered %d", resp.StatusCode)
	}
}

// While descriptors are short, connections go back that rest with net/http. The
// request that arrives meanwhile is answered.
func TestHanded_Recalled_GoesBackToItsLoopWithWhatHasArrived(t *testing.T) {
	address, door, server := behindFront(t, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	for i := range 100 {
		_, _ = io.WriteString(conn, post("/there", ""))
		expectBody(t, from, "net/http ")
		eventually(t, "the connection rests", func() bool {
			h := door.rested.Load()
			if h == nil {
				return false
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.awaiting || h.back
		})
		if i%2 == 0 {
			_, _ = io.WriteString(conn, post("/there", ""))
			door.rested.Load().Recall()
			expectBody(t, from, "net/http ")
		} else {
			door.rested.Load().Recall()
		}
		awaitOnLoops(t, server, 1)
	}
}

// What a client had sent by the time the listener was closed is answered:
// requests of which a part has come, those that become whole by the end and
// those that do not, and connections that nobody had accepted.
func TestFront_Closed_WhatHasBegunIsAnswered(t *testing.T) {
	address, door, server := behindFront(t, nil)
	begin := func(text string) (net.Conn, *bufio.Reader) {
		conn := dialFront(t, address)
		_, _ = io.WriteString(conn, text)
		return conn, bufio.NewReader(conn)
	}
	_, idle := begin(post("/here", ""))
	expectBody(t, idle, "loop")
	half := post("/late", "body")
	whole, first := begin(half[:len(half)-2])
	here, second := begin(post("/here", "body")[:40])
	_, third := begin("POST /there HTTP/1.1\r\nHo")
	_, fourth := begin(half[:len(half)-1])
	awaitReceived(t, server, 4)
	var waiting *bufio.Reader
	halted(server.loops, func() {
		_, waiting = begin(post("/here", ""))
		_ = door.listener.Load().Close()
	})
	expectBody(t, waiting, "loop")
	if _, err := idle.ReadByte(); err != io.EOF {
		t.Errorf("between two requests: %v, want the end", err)
	}
	_, _ = io.WriteString(whole, half[len(half)-2:])
	expectBody(t, first, "late")
	_, _ = io.WriteString(here, post("/here", "body")[40:])
	expectBody(t, second, "loop")
	done, cancel := context.WithCancel(t.Context())
	concluded := make(chan error, 1)
	go func() { concluded <- server.Conclude(done) }()
	cancel()
	for _, from := range []*bufio.Reader{third, fourth} {
		expectBody(t, from, "late")
	}
	if err := <-concluded; err != nil {
		t.Error(err)
	}
	for _, from := range []*bufio.Reader{first, second, third, fourth, waiting} {
		if _, err := from.ReadByte(); err != io.EOF {
			t.Errorf("behind the answer: %v, want the end", err)
		}
	}
}

// awaitReceived waits until n connections have sent a part of a request.
func awaitReceived(t *testing.T, s *Server, n int) {
	t.Helper()
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		got := 0
		halted(s.loops, func() {
			for _, l := range s.loops {
				for i := range l.slots {
					if c := l.slots[i].conn; c != nil && c.front != nil && len(c.in) > 0 {
						got++
					}
				}
			}
		})
		if got == n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d connections have a part of a request, want %d", got, n)
		}
	}
}

// A connection may be closed from aside while its request is handled; that it
// is answered then leaves nothing behind.
func TestHanded_ClosedBeforeItsAnswer_DoesNotRest(t *testing.T) {
	s := &Server{}
	h := &handed{loop: &loop{server: s}, ended: true}
	h.Idle()
	_ = h.Close()
	if n := s.resting.Load(); n != 0 {
		t.Errorf("%d connections rest", n)
	}
}
