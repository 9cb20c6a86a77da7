package sockets

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"fanfare/channels"
)

// halted runs f while no loop turns.
func halted(loops []*loop, f func()) {
	if len(loops) == 0 {
		f()
		return
	}
	done := make(chan struct{})
	loops[0].Post(channels.Call(func() { halted(loops[1:], f); close(done) }))
	<-done
}

func pass(loops []*loop, d time.Duration) {
	for _, l := range loops {
		l.started = l.started.Add(-d)
	}
}

func TestFront_ALongIdleTimeout_IsWaitedFor(t *testing.T) {
	address, _, server := behindFront(t, func(c *FrontConfig) { c.IdleTimeout = time.Hour })
	conn := dialFront(t, address)
	from := bufio.NewReader(conn)
	for range 3 {
		_, _ = io.WriteString(conn, post("/here", ""))
		expectBody(t, from, "loop")
		halted(server.loops, func() { pass(server.loops, wheelSlots*time.Second) })
		halted(server.loops, func() {}) // the deadlines of that time have been looked at
	}
}

// See docs/spec/edge-cases.md, case 79: what comes first after a stop of the
// process, however long it was, has the time that everybody has.
func TestFront_AfterAStop_NewConnectionsAreServed(t *testing.T) {
	address, _, server := behindFront(t, nil)
	var conn net.Conn
	halted(server.loops, func() {
		pass(server.loops, 2*patience)
		conn = dialFront(t, address)
		_, _ = io.WriteString(conn, "POST /here HTTP/1.1\r\n")
	})
	halted(server.loops, func() {})
	halted(server.loops, func() {})
	_, _ = io.WriteString(conn, "Host: x\r\nContent-Length: 0\r\n\r\n")
	expectBody(t, bufio.NewReader(conn), "loop")
}
