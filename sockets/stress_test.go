package sockets

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// stress is how long each stress run lasts: -stress=1m for a thorough one.
var stress = flag.Duration("stress", 1500*time.Millisecond, "length of a stress run")

// TestStress has clients come, subscribe, leave and vanish at random under a
// storm of events. Each channel's events are numbered: whoever is subscribed
// must see them without a gap, a repetition or a swap.
func TestStress_NothingIsLostRepeatedOrSwapped(t *testing.T) {
	for _, processors := range []int{1, 2, 8} {
		t.Run(fmt.Sprintf("processors=%d", processors), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			links(t, stressRun)
			t.Run("without io_uring", func(t *testing.T) { stressRun(start(t, Config{NoRing: true}, nil)) })
		})
	}
}

const (
	stressChannels = 4
	// stressEvents are seen at least, however long that takes: where processors
	// are scarce a handshake alone may take longer than -stress.
	stressEvents = 200
)

func stressRun(h *harness) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	var seen atomic.Int64
	over := time.After(*stress)
	for channel := range stressChannels {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; {
				ev := pusherproto.Event{Name: "n", Channels: []string{fmt.Sprint("c", channel)}, Data: []byte(`"` + strconv.Itoa(n) + `"`)}
				switch err := h.hub.Publish(ctx, h.app, ev); {
				case err == nil:
					n++
				case errors.Is(err, channels.ErrBusy): // nobody was told, so it is the next event again
				case ctx.Err() == nil:
					h.Errorf("publish: %v", err)
				}
			}
		})
	}
	for i := range 24 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for ctx.Err() == nil {
				if err := h.visit(ctx, random, &seen); err != nil {
					h.Error(err)
					return
				}
			}
		})
	}
	func() {
		defer all.Wait()
		defer cancel()
		<-over
		h.until("events are seen", func() bool { return seen.Load() >= stressEvents || h.Failed() })
	}()
	// A connection may still wait to be accepted: look at all until it is quiet.
	h.until("every socket and every subscription is gone", func() bool {
		for channel := range stressChannels {
			info, err := h.hub.Channel(context.Background(), h.app, fmt.Sprint("c", channel))
			if err != nil || info.Sockets != 0 {
				return false
			}
		}
		return h.server.Sockets() == 0
	})
}

// visit is one client's life. It counts the events it sees.
func (h *harness) visit(ctx context.Context, random *rand.Rand, seen *atomic.Int64) error {
	conn, tcp, err := h.connect()
	if err != nil {
		return err
	}
	defer func() {
		if random.IntN(2) == 0 {
			_ = tcp.SetLinger(0) // a reset instead of an end
		}
		_ = conn.Close()
	}()
	_ = conn.SetDeadline(time.Now().Add(patience))
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	say := func(event, channel string) error {
		text := fmt.Sprintf(`{"event":"pusher:%s","data":{"channel":%q}}`, event, channel)
		return ws.WriteFrame(conn, ws.MaskFrame(ws.NewTextFrame([]byte(text))))
	}
	last := map[string]int{}
	in := map[string]bool{}
	for step := range 10 + random.IntN(200) {
		if step%20 == 0 {
			channel := fmt.Sprint("c", random.IntN(stressChannels))
			event := "subscribe"
			in[channel] = !in[channel]
			if !in[channel] { // it may have been the last: have an answer to wait for
				event = "unsubscribe"
				for range 20 {
					if err := say("ping", ""); err != nil {
						return nil
					}
				}
			}
			if err := say(event, channel); err != nil {
				return nil // closed for reading too slowly
			}
		}
		f, err := readFrame(conn)
		if ctx.Err() != nil || errors.Is(err, io.EOF) || f.Header.OpCode == ws.OpClose {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		var m struct{ Event, Channel, Data string }
		if err := json.Unmarshal(f.Payload, &m); err != nil {
			return fmt.Errorf("%q: %w", f.Payload, err)
		}
		switch m.Event {
		case "pusher_internal:subscription_succeeded":
			delete(last, m.Channel) // events before it belong to an earlier stay
		case "n":
			n, _ := strconv.Atoi(m.Data)
			if before, ok := last[m.Channel]; ok && n != before+1 {
				return fmt.Errorf("channel %s: event %d after %d", m.Channel, n, before)
			}
			last[m.Channel] = n
			seen.Add(1)
		}
	}
	return nil
}
