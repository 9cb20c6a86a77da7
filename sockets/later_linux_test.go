package sockets

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/channels"
	"fanfare/internal/account"
)

// answerLater promises an answer that repeats the request's body. It gives it
// at once where that is asked for, or breaks the promise in the same instant.
func (d *testDoor) answerLater(r *Request) ([]byte, bool) {
	target, body := string(r.Target), bytes.Clone(r.Body)
	done := r.Later(func(dst []byte, err error, last bool) []byte {
		d.answered.Add(1)
		text := "later " + string(body)
		if err != nil {
			text = err.Error()
		}
		dst = append(dst, "HTTP/1.1 200 OK\r\n"...)
		if last {
			dst = append(dst, "Connection: close\r\n"...)
		}
		return append(dst, "Content-Length: "+strconv.Itoa(len(text))+"\r\n\r\n"+text...)
	})
	switch target {
	case "/not-here":
		return nil, false
	case "/at-once":
		done(nil)
	default:
		d.later <- done
	}
	return nil, true
}

// promised waits for a request that waits for its answer.
func (d *testDoor) promised(t *testing.T) (done func(error)) {
	t.Helper()
	select {
	case done = <-d.later:
	case <-time.After(patience):
		t.Fatal("no request came")
	}
	return done
}

// silent wants that the client is sent nothing.
func silent(t *testing.T, server *Server) {
	t.Helper()
	halted(server.loops, func() {
		for _, l := range server.loops {
			for i := range l.slots {
				if c := l.slots[i].conn; c != nil && c.queue.bytes > 0 {
					t.Error("something is sent")
				}
			}
		}
	})
}

// promisee is the connection that waits for its answer. The loops are halted.
func promisee(server *Server) *conn {
	for _, l := range server.loops {
		for i := range l.slots {
			if c := l.slots[i].conn; c != nil && c.waits() {
				return c
			}
		}
	}
	return nil
}

// Requests behind one whose answer is promised wait for it, those that the loop
// has read and those that it has not.
func TestLater_RequestsBehindIt_AreAnsweredInOrder(t *testing.T) {
	address, door, server := behindFront(t, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, post("/here", "")+post("/later", "1")+post("/here", "")+post("/later", "2")+post("/at-once", "3")+post("/here", "")[:30])
	expectBody(t, from, "loop")
	done := door.promised(t)
	_, _ = io.WriteString(conn, post("/here", "")[30:]+post("/there", "4"))
	eventually(t, "the loop leaves it unread", func() (paused bool) {
		halted(server.loops, func() { paused = promisee(server).paused })
		return paused
	})
	silent(t, server)
	done(nil)
	expectBody(t, from, "later 1")
	expectBody(t, from, "loop")
	door.promised(t)(channels.ErrAway)
	expectBody(t, from, channels.ErrAway.Error())
	expectBody(t, from, "later 3")
	expectBody(t, from, "loop")
	expectBody(t, from, "net/http 4")
}

// A line end behind the request is overlooked, however long the answer takes.
func TestLater_InPiecesAndWithALineEnd_IsAnswered(t *testing.T) {
	address, door, _ := behindFront(t, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	for i := range 3 {
		for _, b := range []byte(post("/later", "body")) {
			_, _ = conn.Write([]byte{b})
		}
		done := door.promised(t)
		_, _ = io.WriteString(conn, "\r\n")
		done(nil)
		expectBody(t, from, "later body")
		if n := door.answered.Load(); n != int64(i+1) {
			t.Errorf("answered %d times", n)
		}
	}
}

// What the Door promises and then leaves to net/http is net/http's.
func TestLater_NotKept_IsForNetHTTP(t *testing.T) {
	address, door, _ := behindFront(t, nil)
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, post("/not-here", "1"))
	expectBody(t, bufio.NewReader(conn), "net/http 1")
	if n := door.answered.Load(); n != 0 {
		t.Errorf("answered %d times", n)
	}
}

// A client that leaves before its answer leaves nothing behind, and the Door
// hears what became of its request.
func TestLater_ClientLeaves_NothingIsLeft(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn){
		"reset": func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
		"end":   func(c *net.TCPConn) { _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			address, door, server := behindFront(t, nil)
			conn := dialFront(t, address)
			_, _ = io.WriteString(conn, post("/later", "1")+post("/here", ""))
			done := door.promised(t)
			leave(conn.(*net.TCPConn))
			if name == "reset" {
				awaitOnLoops(t, server, 0)
			}
			done(nil)
			awaitOnLoops(t, server, 0)
			if n := door.answered.Load(); n != 1 {
				t.Errorf("answered %d times", n)
			}
		})
	}
}

func TestLater_ClientSendsNoMore_StillGetsItsAnswer(t *testing.T) {
	address, door, server := behindFront(t, nil)
	conn := dialFront(t, address)
	_, _ = io.WriteString(conn, post("/later", "1"))
	done := door.promised(t)
	_ = conn.(*net.TCPConn).CloseWrite()
	eventually(t, "the loop has noticed", func() (paused bool) {
		halted(server.loops, func() { paused = promisee(server).paused })
		return paused
	})
	done(nil)
	from := bufio.NewReader(conn)
	expectBody(t, from, "later 1")
	if rest, err := io.ReadAll(from); len(rest) > 0 || err != nil {
		t.Errorf("behind the answer: %q %v", rest, err)
	}
}

// An answer that does not come in time is one in doubt, once.
func TestLater_NeverAnswered_IsInDoubt(t *testing.T) {
	address, door, server := behindFront(t, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	_, _ = io.WriteString(conn, post("/later", "1"))
	done := door.promised(t)
	halted(server.loops, func() { pass(server.loops, laterWithin-2*time.Second) })
	silent(t, server)
	halted(server.loops, func() { pass(server.loops, 4*time.Second) })
	expectBody(t, from, channels.ErrDoubt.Error())
	done(nil)
	_, _ = io.WriteString(conn, post("/here", ""))
	expectBody(t, from, "loop")
	if n := door.answered.Load(); n != 1 {
		t.Errorf("answered %d times", n)
	}
}

// The next request has its own time to arrive, whatever the one before took.
func TestLater_RequestBehindIt_HasItsOwnTime(t *testing.T) {
	address, door, server := behindFront(t, func(c *FrontConfig) { c.HeaderTimeout = 5 * time.Second })
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	request := post("/later", "1")
	_, _ = io.WriteString(conn, request[:10])
	awaitOnLoops(t, server, 1)
	_, _ = io.WriteString(conn, request[10:]+request[:10])
	done := door.promised(t)
	halted(server.loops, func() { pass(server.loops, 8*time.Second) })
	done(nil)
	expectBody(t, from, "later 1")
	halted(server.loops, func() { pass(server.loops, 2*time.Second) })
	_, _ = io.WriteString(conn, request[10:]+request[:10])
	door.promised(t)(nil)
	expectBody(t, from, "later 1")
	halted(server.loops, func() { pass(server.loops, 8*time.Second) })
	if rest, err := io.ReadAll(from); len(rest) > 0 || err != nil {
		t.Errorf("a head that did not come: %q %v", rest, err)
	}
}

// A crowd does not cost anybody the answer that is promised, and what is kept
// meanwhile is accounted for.
func TestLater_IsNoIdleConnection(t *testing.T) {
	address, door, server := behindFrontOf(t, 1, nil)
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	const behind = 100
	_, _ = io.WriteString(conn, post("/later", "1")+strings.Repeat(post("/here", ""), behind))
	done := door.promised(t)
	halted(server.loops, func() {
		l := server.loops[0]
		l.clock += time.Minute
		if l.relinquish() {
			t.Error("it was closed for another")
		}
		l.clock -= time.Minute
	})
	door.hurried.Store(true)
	halted(server.loops, func() { pass(server.loops, 5*time.Second) })
	eventually(t, "what was read is in the account", func() bool { return server.cfg.Account.BytesOf(account.Bodies) > 0 })
	door.hurried.Store(false)
	done(nil)
	expectBody(t, from, "later 1")
	for range behind {
		expectBody(t, from, "loop")
	}
	if n := server.cfg.Account.BytesOf(account.Bodies); n != 0 {
		t.Errorf("%d bytes are in the account", n)
	}
}

// When the server ends it waits for promised answers. One that does not come in
// time is one in doubt, not one that says that nothing was done.
func TestLater_ServerEnds_IsAnswered(t *testing.T) {
	for name, inTime := range map[string]bool{"in time": true, "too late": false, "in time, alone": true} {
		t.Run(name, func(t *testing.T) {
			address, door, server := behindFront(t, nil)
			conn := dialFront(t, address)
			from := bufio.NewReader(conn)
			behind := post("/here", "")
			if name == "in time, alone" {
				behind = ""
			}
			_, _ = io.WriteString(conn, post("/later", "1")+behind)
			done := door.promised(t)
			_ = door.listener.Load().Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			concluded := make(chan error, 1)
			go func() { concluded <- server.Conclude(ctx) }()
			want := "later 1"
			if inTime {
				eventually(t, "the loops accept no more", func() (none bool) {
					halted(server.loops, func() { none = server.loops[0].front == nil })
					return none
				})
				done(nil)
			} else {
				cancel()
				want = channels.ErrDoubt.Error()
			}
			expectBody(t, from, want)
			if rest, err := io.ReadAll(from); len(rest) > 0 || err != nil {
				t.Errorf("behind the answer: %q %v", rest, err)
			}
			_ = conn.Close()
			<-concluded // with an error if that took long
			done(nil)
		})
	}
}

// Who pipelines and does not read the answers is cut off.
func TestLater_AnswersThatNobodyReads_AreBounded(t *testing.T) {
	address, _, server := behindFront(t, nil)
	server.queueBytes.Store(16 << 10)
	conn := dialFront(t, address)
	awaitOnLoops(t, server, 1)
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	request := []byte(strings.Repeat(post("/at-once", strings.Repeat("x", 3000)), 8))
	written := make(chan struct{})
	go func() {
		defer close(written)
		for {
			if _, err := conn.Write(request); err != nil {
				return
			}
		}
	}()
	awaitOnLoops(t, server, 0)
	_ = conn.Close()
	<-written
}
