package sockets

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
)

// fed returns an open connection that is fed by hand.
func fed(t *testing.T) *conn {
	t.Helper()
	server, err := New(Config{Loops: 1, Portable: true}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	l := server.loops[0]
	t.Cleanup(l.waiter.close)
	app := apps.Default()
	app.ID = "1"
	c := &conn{loop: l, lane: l.laneOf(&app), link: deadEnd{}, fd: -1, limit: server.messageLimit(&app)}
	l.adopt(c)
	c.open(&Opening{App: &app, Protocol: 7}, webSocket)
	return c
}

// Wherever the reads of a connection end, its messages are the same.
func TestFeed_HoweverItIsCut(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		c := fed(t)
		var all []byte
		messages := 1 + random.IntN(30)
		for n := range messages {
			text := fmt.Appendf(nil, `{"event":"pusher:ping","data":{"n":%d,"x":"%s"}}`, n, strings.Repeat("x", random.IntN(1<<random.IntN(14))))
			if cut := random.IntN(3 * len(text)); cut < len(text) {
				all = append(all, masked(ws.OpText, false, bytes.Clone(text[:cut]))...)
				all = append(all, masked(ws.OpContinuation, true, bytes.Clone(text[cut:]))...)
			} else {
				all = append(all, masked(ws.OpText, true, text)...)
			}
		}
		for most := 1 << random.IntN(17); len(all) > 0; {
			n := min(len(all), 1+random.IntN(most))
			c.feed(bytes.Clone(all[:n]))
			all = all[n:]
		}
		if got := c.loop.server.hub.Stats().MessagesReceived; got != uint64(messages) || c.state != connOpen || c.unfinished() != 0 {
			t.Fatalf("seed %d: %d messages of %d, state %v, %d bytes are kept", seed, got, messages, c.state, c.unfinished())
		}
	}
}

// Of what a busy connection sends nothing becomes garbage but the ends of its
// reads.
func TestFeed_JoinsReadsWithoutGarbage(t *testing.T) {
	c := fed(t)
	pong := masked(ws.OpPong, true, make([]byte, 100))
	stream := bytes.Repeat(pong, 2*readBuffer/len(pong)+2)
	at := 0
	read := func() {
		b := bytes.Clone(stream[at : at+readBuffer])
		at = (at + readBuffer) % len(pong)
		c.feed(b)
	}
	read()
	read() // has made the buffer
	const reads = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range reads {
		read()
	}
	runtime.ReadMemStats(&after)
	if c.state != connOpen {
		t.Fatal("the connection was closed")
	}
	// The test's own copies are a readBuffer each.
	if each := int(after.TotalAlloc-before.TotalAlloc)/reads - readBuffer; each > 4<<10 {
		t.Errorf("a read of %d bytes makes %d bytes of garbage", readBuffer, each)
	}
}
