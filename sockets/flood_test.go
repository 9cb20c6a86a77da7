package sockets

import (
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/channels"
)

// Pongs are bounded as everything else that waits for a client is.
func TestPings_OfAClientThatDoesNotRead_EndIt(t *testing.T) {
	linksOf(t, Config{QueueBytes: 64 << 10}, nil, func(h *harness) {
		p := h.dial()
		ping := ws.MustCompileFrame(ws.MaskFrame(ws.NewPingFrame(make([]byte, 125))))
		var burst []byte
		for range 500 {
			burst = append(burst, ping...)
		}
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
				}
			}
			answer <- sum
		}))
		n += <-answer
	}
	return n
}
