package sockets

import (
	"bytes"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/channels"
)

// Pongs are bounded as everything else that waits for a client is.
func TestPings_OfAClientThatDoesNotRead_EndIt(t *testing.T) {
	linksOf(t, Config{QueueBytes: 64 << 10}, nil, func(h *harness) {
		p := h.dial()
		burst := pings(500, 125)
		for end := time.Now().Add(patience); h.hub.Stats().SlowReaders == 0; {
			if time.Now().After(end) {
				h.Fatal("the client was not cut off")
			}
			if p.tryWrite(burst) != nil { // cut off already
				break
			}
		}
		if n := h.hub.Stats().SlowReaders; n != 1 {
			h.Errorf("%d slow readers", n)
		}
	})
}

// An empty pong has two bytes and takes more than sixty.
func TestQueue_TinyFramesCountForWhatTheyTake(t *testing.T) {
	var q queue
	var pool framePool
	pong := channels.ControlFrame(ws.MustCompileFrame(ws.NewPongFrame(nil)))
	const limit = 64 << 10
	for !q.over(limit) {
		q.push(pong, &pool)
	}
	if n := len(q.frames); n > limit/frameCost+1 {
		t.Errorf("%d pongs wait within %d bytes", n, limit)
	}
}

// Who reads may ping as fast as it likes. Only a client that has read every
// answer has certainly kept up, so each burst waits for those to the one before.
func TestPings_OfAClientThatReads_AreAllAnswered(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		const rounds, count = 4, 11_000 // a read's worth of pings in each
		burst := pings(count, 0)
		for round := range rounds {
			go func() { _ = p.tryWrite(burst) }()
			for i := range count {
				if f := p.read(); f.Header.OpCode != ws.OpPong {
					h.Fatalf("frame %d of round %d is %v %q", i, round, f.Header.OpCode, f.Payload)
				}
			}
		}
	})
}

// pings is count pings of size bytes each.
func pings(count, size int) []byte {
	return bytes.Repeat(ws.MustCompileFrame(ws.MaskFrame(ws.NewPingFrame(make([]byte, size)))), count)
}

func TestCloseFrame_CodesEndAt4999(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		if err := p.tryWrite(ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(5000, ""))))); err != nil {
			t.Fatal(err)
		}
		p.expectClose(int(ws.StatusProtocolError))
	})
}

// kept is how many bytes of unfinished input the server's loops hold.
func kept(s *Server) (n int) {
	for _, l := range s.loops {
		answer := make(chan int)
		l.Post(channels.Call(func() {
			sum := 0
			for i := range l.slots {
				if c := l.slots[i].conn; c != nil {
					sum += len(c.in)
					if c.partial != nil {
						sum += len(c.partial.kept)
					}
				}
			}
			answer <- sum
		}))
		n += <-answer
	}
	return n
}
