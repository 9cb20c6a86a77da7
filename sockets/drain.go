package sockets

import (
	"context"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// drainWave is the time between two waves of a drain.
const drainWave = 50 * time.Millisecond

// Drain tells every socket to reconnect elsewhere (4200), in waves over spread
// so that not all come back in the same instant. What was queued before is
// still written. It returns when the last connection is gone, or with the
// context's error.
func (s *Server) Drain(ctx context.Context, spread time.Duration) error {
	tick := time.NewTicker(drainWave)
	defer tick.Stop()
	for waves := int(spread/drainWave) + 1; ; waves = max(1, waves-1) {
		for _, l := range s.loops {
			l.Post(channels.Call(func() { l.dismiss(waves) }))
		}
		if s.count.Load() == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dismiss closes the loop's share of a wave, with waves to go.
func (l *loop) dismiss(waves int) {
	open := 0
	for i := range l.slots {
		if c := l.slots[i].conn; c != nil && c.state == connOpen && c.front == nil {
			open++
		}
	}
	share := (open + waves - 1) / waves
	for i := 0; share > 0 && i < len(l.slots); i++ {
		if c := l.slots[i].conn; c != nil && c.state == connOpen && c.front == nil {
			c.Close(pusherproto.CodeReconnect, "The server is restarting, reconnect now")
			// Nobody comes back here to ask for what was said.
			l.schedule(c, l.after(l.server.closeTimeout()))
			share--
		}
	}
}
