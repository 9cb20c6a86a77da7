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

// connections are the connections that net/http serves, including those from
// event loops.
type connections struct {
	census *census
	idle   func() time.Duration // how long a connection may be idle
	yield  func()               // as runtime.Gosched
	swept  atomic.Int64         // when idle connections were last checked, Unix nanoseconds

	mu  sync.Mutex
	all map[net.Conn]*connection
}

// connection is a connection that net/http serves.
type connection struct {
	addr   netip.Addr
	part   *account.Account
	state  http.ConnState
	since  time.Time // when it entered its state
	handed handed    // nil if it does not come from an event loop
	new    bool      // has not sent a whole request
	apart  bool      // carries an HTTP session; counted as a socket meanwhile
}

// handed is a connection that an event loop handed to net/http and that returns
// to the loop when idle.
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
	if remote := conn.RemoteAddr(); remote != nil { // may be unknown, and a panic here would not be recovered
		c.addr = peer(remote.String())
	}
	c.handed, _ = conn.(handed)
	if c.handed != nil { // counted when the loop accepted it
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

// A goroutine whose requests have all arrived serves them without a pause until
// Go's scheduler interrupts it after ten milliseconds, and the event loops wait
// behind all such goroutines. Therefore it yields after each request that
// follows the previous answer within noWait.
const noWait = 50 * time.Microsecond

// turn records that a connection became active or idle. The goroutine that
// serves the connection calls it.
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

// forget removes a connection that is closed, has become a socket or went back
// to its loop.
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

// enter counts a connection again after it carried a session.
func (s *connections) enter(c *connection) {
	if c.handed != nil {
		c.handed.Enter()
	} else {
		s.census.Enter(c.addr)
	}
	c.part = s.census.part(c.addr)
	c.part.Resize(account.Connections, netHTTPBytes-onLoopBytes)
}

// leave stops counting a connection. If it went back to its loop, the loop
// counts it.
func (s *connections) leave(c *connection) {
	c.part.Resize(account.Connections, onLoopBytes-netHTTPBytes)
	if c.handed != nil {
		c.handed.Leave()
	} else {
		s.census.Leave(c.addr)
	}
}

// sweepPause is the least time between two checks of idle connections.
const sweepPause = 250 * time.Millisecond

// sweep closes connections that have been idle for too long. Those of loops
// return to the loop soon and are left alone.
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

// dismiss closes idle connections. Those of loops go back to their loop.
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

// closeAside closes a connection in the background, unless it has just become a
// socket. Closing TLS may take a while.
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

// connOf returns the connection of a request, or nil if it is unknown.
func connOf(r *http.Request) net.Conn {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	return conn
}

// carries records that the request's connection carries an HTTP session.
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

// While file descriptors are short, a request has to arrive within a second and
// without long gaps.
const (
	arrival = time.Second
	moment  = 250 * time.Millisecond
)

// cut closes connections whose request arrives slowly. For connections from
// loops it is known whether the client or the server is slow.
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

// expire ends the wait for the rest of requests, so that they are answered.
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
