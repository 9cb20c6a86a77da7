package channels

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fanfare/apps"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

const (
	stressWorkers = 16
	stressOps     = 1000
	stressPlaces  = 5 // channels
)

// stress has workers publish, subscribe, unsubscribe and close at once on
// loops that run by themselves. Each worker numbers its events per channel;
// sequence holds how many it began and how many were accepted.
type stress struct {
	t        *testing.T
	hub      *Hub
	app      apps.App
	loops    []*liveLoop
	channels [stressPlaces]string
	began    [stressPlaces][stressWorkers]atomic.Int64
	accepted [stressPlaces][stressWorkers]atomic.Int64
	failures atomic.Int64
	heard    atomic.Int64
}

// numbers are the sequence numbers of all workers on one channel.
type numbers [stressWorkers]int64

func load(from *[stressWorkers]atomic.Int64) (n numbers) {
	for i := range from {
		n[i] = from[i].Load()
	}
	return n
}

func (s *stress) failf(format string, args ...any) {
	if s.failures.Add(1) < 10 { // the first ones say enough
		s.t.Errorf(format, args...)
	}
}

func TestStress_EveryEventOnceAndInOrder(t *testing.T) {
	runStress(t, nil)
}

func TestStress_WithALaggingCluster(t *testing.T) {
	runStress(t, func(n Node) Cluster {
		return &lagging{memory: newMemory(n, time.Now, new(atomic.Int64)), wake: make(chan struct{}, 1)}
	})
}

func runStress(t *testing.T, cluster func(Node) Cluster) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := &stress{t: t, app: apps.Default(), channels: [...]string{"news", "cache-x", "private-x", "presence-a", "presence-cache-b"}}
	s.app.ID, s.app.Keys = "1", []apps.Key{{Key: "key", Secret: "secret"}}
	s.app.Limits.MaxPresenceMembers = 0
	s.hub = New(Config{Cluster: cluster, OfflineGrace: -1})
	ctx, cancel := context.WithCancel(t.Context())
	var running, working sync.WaitGroup
	running.Go(func() { _ = s.hub.Run(ctx) })
	for range 4 {
		l := newLiveLoop()
		s.loops = append(s.loops, l)
		s.hub.AddOwner(l)
		running.Go(func() { l.run(ctx) })
	}
	for worker := range stressWorkers {
		working.Go(func() { s.work(worker) })
	}
	working.Wait()
	s.rest()
	cancel()
	running.Wait()
	if s.heard.Load() == 0 {
		t.Error("nobody heard anything")
	}
	s.checkEmpty()
}

// work does one worker's share. It has three sockets to itself.
func (s *stress) work(worker int) {
	random := rand.New(rand.NewPCG(uint64(worker), 2))
	var sockets [3]*listener
	for i := range sockets {
		sockets[i] = s.open(worker, i)
	}
	for range stressOps {
		i, place := random.IntN(len(sockets)), random.IntN(stressPlaces)
		l := sockets[i]
		switch random.IntN(12) {
		case 0:
			s.close(l)
			sockets[i] = s.open(worker, i)
		case 1, 2, 3, 4:
			s.subscribe(l, place)
		case 5:
			s.unsubscribe(l, place)
		case 6: // nobody waits for an answer
			l.loop.Post(Call(func() { l.Receive([]byte(l.message("pusher:signin", place))) }))
		default:
			s.publish(worker, place)
		}
	}
	for _, l := range sockets {
		s.close(l)
	}
}

func (s *stress) open(worker, i int) *listener {
	l := &listener{s: s, loop: s.loops[(worker+i)%len(s.loops)], user: fmt.Sprint("u", worker%5), confirmed: make(chan struct{}, 1)}
	l.loop.calls(func() {
		if refusal := l.Open(s.hub, &s.app, l.loop, l); refusal != nil {
			s.failf("refused: %v", refusal)
		}
	})
	return l
}

func (l *listener) message(name string, place int) string {
	v := &visitor{}
	v.id = l.id
	if name == pusherproto.EventSignin {
		return v.signin(`{"id":"` + l.user + `","watchlist":["u0","u1"]}`)
	}
	channel, data := l.s.channels[place], ""
	if pusherproto.KindOf(channel).Presence() {
		data = `{"user_id":"` + l.user + `"}`
	}
	return v.subscription(channel, data)
}

func (s *stress) subscribe(l *listener, place int) {
	asked := false
	l.loop.calls(func() {
		if l.hears[place] == nil { // a cache channel would repeat its event
			asked = true
			l.Receive([]byte(l.message(pusherproto.EventSubscribe, place)))
		}
	})
	if !asked {
		return
	}
	select {
	case <-l.confirmed:
	case <-time.After(deadline.Long):
		s.failf("%s was not let on %s", l.ID(), s.channels[place])
	}
}

// unsubscribe reads what was accepted first: all that must be heard is in the
// loop's mail before the request is.
func (s *stress) unsubscribe(l *listener, place int) {
	accepted := load(&s.accepted[place])
	l.loop.Post(Call(func() {
		if l.signing {
			return // it would take effect later than the check
		}
		l.leave(place, accepted)
		l.Receive([]byte(`{"event":"pusher:unsubscribe","data":{"channel":"` + s.channels[place] + `"}}`))
	}))
}

func (s *stress) close(l *listener) {
	var accepted [stressPlaces]numbers
	for place := range accepted {
		accepted[place] = load(&s.accepted[place])
	}
	l.loop.calls(func() {
		for place := range accepted {
			l.leave(place, accepted[place])
		}
		l.Gone()
	})
}

func (s *stress) publish(worker, place int) {
	n := s.began[place][worker].Add(1)
	ev := pusherproto.Event{Name: "e", Channels: []string{s.channels[place]}, Data: fmt.Appendf(nil, `"from %d %d"`, worker, n)}
	if err := s.hub.Publish(context.Background(), &s.app, ev); err != nil {
		s.failf("publish: %v", err)
	}
	s.accepted[place][worker].Store(n)
}

// rest waits until the loops and the cluster have done all they were asked:
// an answer may make mail, and mail a request, three times over at most.
func (s *stress) rest() {
	for range 4 {
		for _, l := range s.loops {
			l.calls(func() {})
		}
		if c, ok := s.hub.cluster.(*lagging); ok {
			c.settled()
		}
	}
}

func (s *stress) checkEmpty() {
	d := &desk{t: s.t, hub: s.hub, app: s.app}
	shared := d.memory().app(&s.app)
	for i := range shared.stripes {
		st := &shared.stripes[i]
		st.emptyAll()                                       // half an hour has not gone by
		for _, c := range slices.Collect(st.channels.all) { // nor have five seconds
			if c.special != nil {
				c.special.silences = 0
			}
			st.sweep(c)
		}
	}
	d.empty()
}
