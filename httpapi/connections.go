package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/internal/account"
	"fanfare/sockets"
)

// connections are those that net/http has, of event loops or not.
type connections struct {
	census *census
	idle   func() time.Duration // how long a connection may be idle
	yield  func()               // as runtime.Gosched
	swept  atomic.Int64         // when idle ones were looked at, Unix nanoseconds

	mu  sync.Mutex
	all map[net.Conn]*connection
}

// connection is one that net/http has.
type connection struct {
	addr   netip.Addr
	part   *account.Account
	state  http.ConnState
	since  time.Time // of the state
	handed handed    // nil if it is not one of a loop's
	new    bool      // has not sent a whole request
	apart  bool      // carries an HTTP session, which stays as long as that does: it counts among the sockets
}

// handed is a connection that a loop has handed to net/http, and that goes back
// when it is idle.
type handed interface {
	Enter()
	Leave()
	Idle()
	Recall()
	Served(post bool)
	Reading() bool
	Expire()
}

func newConnections(c *census, idle func() time.Duration) *connections {
	return &connections{census: c, idle: idle, yield: runtime.Gosched, all: make(map[net.Conn]*connection)}
}

// watch is an http.Server's ConnState. A connection is new until the headers
// of its first request are read, and active until a request is answered and its
// body read.
func (s *connections) watch(conn net.Conn, state http.ConnState) {
	now := time.Now()
	switch state {
	case http.StateNew:
		s.accept(conn, now)
	case http.StateActive, http.StateIdle:
		s.turn(conn, state, now)
	case http.StateHijacked, http.StateClosed:
		s.forget(conn)
	}
	if state != http.StateActive && !s.census.Calm() {
		s.sweep(now)
	}
}

func (s *connections) accept(conn net.Conn, now time.Time) {
	c := &connection{state: http.StateNew, since: now, new: true}
	if remote := conn.RemoteAddr(); remote != nil { // it need not be known, and nobody recovers here
		c.addr = peer(remote.String())
	}
	c.handed, _ = conn.(handed)
	if c.handed != nil { // it was counted when the loop accepted it
		c.new = false
	} else if !s.census.Admit(c.addr) {
		switch conn.(type) {
		case *net.TCPConn, interface{ Secure() bool }: // over TLS there is nothing to say yet
			_, _ = conn.Write(tooMany)
		}
		_ = conn.Close()
		return
	}
	c.part = s.census.part(c.addr)
	c.part.Resize(account.Connections, netHTTPBytes-onLoopBytes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[conn] = c
}

// A goroutine whose requests have all come serves one after the other, ten
// milliseconds long, until Go's scheduler interrupts it, and the event loops wait
// in line with all such goroutines. Therefore it yields behind each request. A
// request has come with the one before if it begins within noWait of its answer.
const noWait = 50 * time.Microsecond

// turn says that a connection is active or idle. The goroutine that serves it
// calls this.
func (s *connections) turn(conn net.Conn, state http.ConnState, now time.Time) {
	s.mu.Lock()
	c, ok := s.all[conn]
	if !ok { // refused
		s.mu.Unlock()
		return
	}
	settled, again := c.new, c.apart
	pipelined := state == http.StateActive && c.state == http.StateIdle && now.Sub(c.since) < noWait
	c.new, c.apart, c.state, c.since = false, false, state, now
	s.mu.Unlock()
	if pipelined {
		s.yield()
	}
	if settled {
		s.census.Settle(c.addr)
	}
	if again {
		s.enter(c)
	}
	if state == http.StateIdle && c.handed != nil {
		c.handed.Idle()
	}
}

// forget takes out a connection that is gone, a socket's or its loop's again.
func (s *connections) forget(conn net.Conn) {
	s.mu.Lock()
	c, ok := s.all[conn]
	delete(s.all, conn)
	s.mu.Unlock()
	if !ok {
		return
	}
	if c.new {
		s.census.Settle(c.addr)
	}
	if !c.apart {
		s.leave(c)
	}
}

// enter counts a connection again that has carried a session.
func (s *connections) enter(c *connection) {
	if c.handed != nil {
		c.handed.Enter()
	} else {
		s.census.Enter(c.addr)
	}
	c.part = s.census.part(c.addr)
	c.part.Resize(account.Connections, netHTTPBytes-onLoopBytes)
}

// leave takes a connection out of the count, but leaves it to its loop if it
// has gone back.
func (s *connections) leave(c *connection) {
	c.part.Resize(account.Connections, onLoopBytes-netHTTPBytes)
	if c.handed != nil {
		c.handed.Leave()
	} else {
		s.census.Leave(c.addr)
	}
}

// sweepPause is the least time between two looks at idle connections.
const sweepPause = 250 * time.Millisecond

// sweep closes connections that have been idle for longer than there is patience
// for. Those of loops go back to them soon.
func (s *connections) sweep(now time.Time) {
	last := s.swept.Load()
	if now.UnixNano()-last < int64(sweepPause) || !s.swept.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, c := range s.all {
		if c.state != http.StateIdle || c.handed != nil {
			continue
		}
		if idle, _ := s.census.Patience(c.addr, s.idle()); now.Sub(c.since) > idle {
			closeAside(conn)
		}
	}
}

// dismiss ends the connections that wait between two requests. Those of loops go
// back to them.
func (s *connections) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, c := range s.all {
		switch {
		case c.state != http.StateIdle:
		case c.handed != nil:
			c.handed.Recall()
		default:
			closeAside(conn)
		}
	}
}

// closeAside closes a connection, unless it has become a socket in this moment. TLS
// may take its time.
func closeAside(conn net.Conn) {
	if sockets.Claim(conn) {
		go func() { _ = conn.Close() }()
	}
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// remember is an http.Server's ConnContext.
func (s *connections) remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// connOf is a request's connection, nil if it came some other way.
func connOf(r *http.Request) net.Conn {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	return conn
}

// carries says that a request is the way of an HTTP session.
func (s *connections) carries(r *http.Request) {
	s.mu.Lock()
	c, ok := s.all[connOf(r)]
	leaves := ok && !c.apart
	if ok {
		c.apart = true
	}
	s.mu.Unlock()
	if leaves {
		s.leave(c)
	}
}

// Where descriptors run short, a request has to arrive in a second, and may not
// stop arriving for a moment.
const (
	arrival = time.Second
	moment  = 250 * time.Millisecond
)

// cut closes connections whose request takes its time to arrive. Of one that a
// loop has handed over it is known whether it is the client or the server that
// takes its time.
func (s *connections) cut(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, c := range s.all {
		patience := arrival
		if c.state == http.StateNew || c.handed != nil && c.handed.Reading() {
			patience = moment
		}
		served := c.handed != nil && !c.handed.Reading()
		if c.state != http.StateIdle && !served && !c.apart && now.Sub(c.since) > patience {
			closeAside(conn)
		}
	}
}

// expire has no connection wait any longer for the rest of its request, so that
// it is answered.
func (s *connections) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, c := range s.all {
		switch {
		case c.state != http.StateActive || c.apart:
		case c.handed != nil:
			c.handed.Expire()
		default:
			_ = conn.SetReadDeadline(time.Unix(1, 0))
		}
	}
}
