package sim

import (
	"errors"
	"slices"
	"time"

	"fanfare/pusherproto"
)

// Run simulates a world for a number of random steps. It returns a *Failure if a check
// fails, and nil otherwise.
func Run(cfg Config, steps int) (err error) {
	_, err = run(cfg, steps)
	if f := (*Failure)(nil); errors.As(err, &f) && !cfg.Trace {
		cfg.Trace = true
		if _, again := run(cfg, steps); again != nil {
			return again
		}
	}
	return err
}

func run(cfg Config, steps int) (w *World, err error) {
	defer func() {
		switch f := recover().(type) {
		case nil:
		case *Failure:
			err = f
		default:
			panic(f)
		}
	}()
	w = NewWorld(cfg)
	w.live(steps)
	return w, nil
}

// live runs phases of random actions and faults, with a rest after each.
func (w *World) live(steps int) {
	w.pass(5 * time.Second)
	for range 6 + w.random.IntN(8) {
		w.open(w.anyUser()).comeBack(time.Second)
	}
	w.Rest()
	for w.steps < steps {
		w.phase(min(steps-w.steps, 200+w.random.IntN(1500)))
		w.Rest()
	}
	for len(w.tabs) > 0 {
		w.tabs[0].end()
	}
	w.Rest()
}

// phase runs a number of steps, at a random distance, with faults among them. Every
// third phase has gentle faults only. Faults that would begin after the phase are
// dropped, because the next phase may be gentle.
func (w *World) phase(steps int) {
	over := false
	gap := w.between(500*time.Microsecond, 200*time.Millisecond)
	gentle := w.random.IntN(3) == 0
	w.lossless = gentle
	length := time.Duration(steps) * gap / 2
	for range w.random.IntN(5) {
		f := faults[w.random.IntN(len(faults))]
		if !gentle || f.gentle {
			w.after(w.jitter(length), func() {
				if !over {
					w.tracef("", "%s", f.name)
					f.strike(w)
				}
			})
		}
	}
	for range steps {
		w.pass(w.jitter(gap))
		w.step()
	}
	over = true
}

// step performs a random action.
func (w *World) step() {
	w.steps++
	if len(w.tabs) < 4 || w.random.IntN(60) == 0 && len(w.tabs) < w.mostTabs() {
		w.open(w.anyUser()).connect()
		return
	}
	channel := w.channels[w.random.IntN(len(w.channels))]
	if w.random.IntN(6) == 0 {
		if w.random.IntN(8) == 0 {
			channel = pusherproto.UserChannelName(w.anyUser())
		}
		w.backend.publish(channel)
		return
	}
	if w.random.IntN(400) == 0 {
		w.terminate(w.anyUser())
		return
	}
	t := w.tabs[w.random.IntN(len(w.tabs))]
	s := t.sock
	if s == nil {
		return
	}
	switch dice := w.random.IntN(100); {
	case dice < 1:
		t.end()
	case dice < 3: // the connection is lost, as in a tunnel
		s.leave()
		t.comeBack(3 * time.Second)
	case dice < 40:
		if !slices.Contains(t.wants, channel) {
			t.wants = append(t.wants, channel)
			s.subscribe(channel)
		}
	case dice < 70:
		if i := slices.Index(t.wants, channel); i >= 0 {
			t.wants = slices.Delete(t.wants, i, i+1)
			s.unsubscribe(channel)
		}
	default:
		s.speak(channel)
	}
}

// mostTabs is the maximum number of pages that are open at a time.
func (w *World) mostTabs() int {
	if most := w.cfg.MaxConnections; most > 0 {
		return min(24, most)
	}
	return 24
}

// speak sends a client event where that is allowed. A page whose socket was closed
// has none.
func (s *socket) speak(channel string) {
	if s == nil {
		return
	}
	h := s.heard[channel]
	if h == nil || !h.on || h.asked > 0 || !slices.Contains(s.tab.wants, channel) || !pusherproto.KindOf(channel).ClientEvents() {
		return
	}
	s.sendEvent(channel)
	s.tab.w.said = append(s.tab.w.said, said{s, s.sent, channel, s.tab.w.now})
}
