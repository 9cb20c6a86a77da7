package channels

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fanfare/apps"
)

// liveLoop is an Owner with a goroutine of its own.
type liveLoop struct {
	handLoop
	wake chan struct{}
}

func newLiveLoop() *liveLoop { return &liveLoop{wake: make(chan struct{}, 1)} }

func (l *liveLoop) Lane(*Pressure) Lane { return l }

func (l *liveLoop) Post(m Mail) {
	l.handLoop.Post(m)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run handles mail until ctx is done.
func (l *liveLoop) run(ctx context.Context) {
	for {
		for l.turn() {
		}
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
	}
}

// calls runs f on the loop and waits for its end.
func (l *liveLoop) calls(f func()) {
	done := make(chan struct{})
	l.Post(Call(func() {
		defer close(done)
		f()
	}))
	<-done
}

// lagging is the in-memory cluster on a goroutine of its own: it answers in
// order, some time later, while everything else goes on.
type lagging struct {
	*memory
	watched watched
	mu      sync.Mutex
	due     []func()
	wake    chan struct{}
}

func (c *lagging) later(f func()) {
	c.mu.Lock()
	c.due = append(c.due, f)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *lagging) Join(j Join, answer func(Joined)) { c.later(func() { c.memory.Join(j, answer) }) }
func (c *lagging) Leave(l Leave)                    { c.later(func() { c.memory.Leave(l) }) }
func (c *lagging) Publish(p Publication) bool {
	c.later(func() { c.carryOut(p) })
	return true
}

func (c *lagging) SignIn(in SignIn, answer func(SignedIn)) {
	c.watched.signIn(in)
	c.later(func() { c.memory.SignIn(in, answer) })
}

func (c *lagging) SignOut(out SignOut) {
	c.watched.signOut(out)
	c.later(func() { c.memory.SignOut(out) })
}

// Run answers until ctx is done, beside what the memory has to do.
func (c *lagging) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	wait.Go(func() { _ = c.memory.Run(ctx) })
	defer wait.Wait()
	for {
		c.mu.Lock()
		due := c.due
		c.due = nil
		c.mu.Unlock()
		for _, f := range due {
			f()
		}
		if len(due) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		}
	}
}

// settled waits until everything asked so far is answered.
func (c *lagging) settled() {
	done := make(chan struct{})
	c.later(func() { close(done) })
	<-done
}

func TestHub_Run_KeepsTheScheduleAndEnds(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.CacheTTL = 1 })
	d.publish("cache-x", "1") // due at once: the desk's clock may only be read from here on
	d.now = d.now.Add(1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	expired := make(chan struct{})
	d.memory().schedule.at(d.now, func() { close(expired) })
	go func() { ended <- d.hub.Run(ctx) }()
	<-expired
	woken := make(chan struct{})
	d.memory().schedule.at(d.now, func() { close(woken) }) // while it sleeps
	<-woken
	cancel()
	mustNotFail(t, <-ended)
	d.empty()
}

func TestSchedule_RunsWhatIsDueInOrderOfTime(t *testing.T) {
	now := time.Unix(0, 0)
	s := newSchedule(func() time.Time { return now })
	var ran []int
	for _, second := range []int{5, 1, 4, 2, 3, 6} {
		s.at(time.Unix(int64(second), 0), func() { ran = append(ran, second) })
	}
	s.at(time.Unix(2, 0), func() { // what it asks for and is due runs too
		s.at(time.Unix(2, 1), func() { ran = append(ran, 0) })
	})
	now = time.Unix(3, 0)
	if wait := s.runDue(); wait != time.Second || !slices.Equal(ran, []int{1, 2, 0, 3}) {
		t.Errorf("ran %v, next in %s", ran, wait)
	}
	now = time.Unix(60, 0)
	if s.runDue(); !slices.Equal(ran, []int{1, 2, 0, 3, 4, 5, 6}) {
		t.Errorf("ran %v", ran)
	}
}

// Two users who watch each other sign in at once on two loops: each hears that
// the other is online once, in its first list or after it.
func TestWatchlist_EachOtherAtOnce_OnlineIsHeardOnce(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running, working sync.WaitGroup
	var loops [2]*liveLoop
	for i := range loops {
		loops[i] = newLiveLoop()
		d.hub.AddOwner(loops[i])
		running.Go(func() { loops[i].run(ctx) })
	}
	both := func(do func(i int)) {
		for i := range loops {
			working.Go(func() { loops[i].calls(func() { do(i) }) })
		}
		working.Wait()
	}
	names := [...]string{"a", "b"}
	for range 500 {
		var sockets [2]*visitor
		both(func(i int) {
			sockets[i] = &visitor{d: d}
			if refusal := sockets[i].Open(d.hub, &d.app, loops[i], sockets[i]); refusal != nil {
				t.Error(refusal)
			}
		})
		both(func(i int) {
			v := sockets[i]
			v.got = nil
			v.Receive([]byte(v.signin(`{"id":"` + names[i] + `","watchlist":["` + names[1-i] + `"]}`)))
		})
		both(func(i int) { // what came of it has arrived
			heard := strings.Join(sockets[i].got, "\n")
			if strings.Count(heard, watch(names[1-i], "")) != 1 || strings.Count(heard, "watchlist_events") > 2 {
				t.Errorf("%s heard\n%s", names[i], heard)
			}
		})
		both(func(i int) { sockets[i].Gone() })
	}
	cancel()
	running.Wait()
	d.empty()
}
