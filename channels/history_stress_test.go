package channels

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
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
	pastPublishers = 4 // the last is a socket with client events
	pastEvents     = 400
	pastFollowers  = 6
)

// pastStress has publishers number their events on a channel while followers lose
// their sockets and recover on new ones, on loops that run by themselves.
type pastStress struct {
	t        *testing.T
	hub      *Hub
	app      *apps.App
	loops    []*liveLoop
	channels []string
	began    [][pastPublishers]atomic.Int64 // by channel
	failed   atomic.Int64                   // recoveries
	heard    atomic.Int64
}

// follower is who comes back again and again: what it knows of a channel outlives
// its sockets.
type follower struct {
	s     *pastStress
	known []followed
}

type followed struct {
	serial      string
	last, floor [pastPublishers]int64 // 0: nothing heard yet; begun when it first stood
}

// pastSocket is one socket of a follower. All of it but confirmed belongs to its loop.
type pastSocket struct {
	Session
	of        *follower
	loop      *liveLoop
	confirmed chan struct{}
}

func (p *pastSocket) Close(code int, why string) {
	p.of.s.t.Errorf("closed %d %s", code, why)
	p.loop.Post(Call(p.Gone))
}

func (*pastSocket) Opened(*pusherproto.Error) {}

func (p *pastSocket) Send(f *Frame) {
	s, text := p.of.s, string(f.Payload())
	_, rest, _ := strings.Cut(text, `"channel":"`)
	name, _, _ := strings.Cut(rest, `"`)
	for i := range s.channels {
		if s.channels[i] == name {
			p.hear(i, text)
			return
		}
	}
}

func (p *pastSocket) hear(channel int, text string) {
	s, k := p.of.s, &p.of.known[channel]
	_, serial := serialOf(text)
	begin := func() {
		k.last = [pastPublishers]int64{}
		for w := range k.floor {
			k.floor[w] = s.began[channel][w].Load()
		}
	}
	switch {
	case strings.Contains(text, pusherproto.EventSubscriptionSucceeded):
		if k.serial == "" {
			begin()
			k.serial = serial
		}
		p.confirmed <- struct{}{}
		return
	case strings.Contains(text, pusherproto.EventRecoveryFailed):
		s.failed.Add(1)
		begin()
		return
	case serial == "":
		return
	}
	_, data, _ := strings.Cut(text, `"data":"from `)
	data, _, _ = strings.Cut(data, `"`)
	worker, number, _ := strings.Cut(data, " ")
	w, _ := strconv.Atoi(worker)
	n, _ := strconv.ParseInt(number, 10, 64)
	if last := k.last[w]; last == 0 && n > k.floor[w]+1 || last != 0 && n != last+1 {
		s.t.Errorf("%s hears %s after %d; %d were begun when it first subscribed", p.ID(), text, last, k.floor[w])
	}
	k.last[w], k.serial = n, serial
	s.heard.Add(1)
}

// visits opens a socket, recovers everything, and listens for a while.
func (f *follower) visits(random *rand.Rand, meanwhile func()) {
	s := f.s
	p := &pastSocket{of: f, loop: s.loops[random.IntN(len(s.loops))], confirmed: make(chan struct{}, len(s.channels))}
	p.loop.calls(func() {
		if refusal := p.Open(s.hub, s.app, p.loop, p); refusal != nil {
			s.t.Errorf("refused: %v", refusal)
			return
		}
		for i, channel := range s.channels {
			v := &visitor{Session: p.Session}
			message := v.subscription(channel, "")
			if serial := f.known[i].serial; serial != "" {
				message = v.recovery(channel, "", serial, pusherproto.SocketID{})
			}
			p.Receive([]byte(message))
		}
	})
	for range s.channels {
		select {
		case <-p.confirmed:
		case <-time.After(deadline.Long):
			s.t.Error("a subscription was not answered")
		}
	}
	meanwhile()
	p.loop.calls(p.Gone)
}

func TestStress_Recovery_NothingMissedNothingTwice(t *testing.T) {
	s := runPastStress(t, apps.HistoryRule{Channels: "*", Events: 2 * pastEvents * pastPublishers, TTL: time.Hour, ClientEvents: true}, nil)
	if n := s.failed.Load(); n > 0 {
		t.Errorf("%d recoveries failed, of a history that keeps everything", n)
	}
}

// The same with histories that keep little, are emptied and are read meanwhile: a
// recovery may fail, but says so.
func TestStress_Recovery_OfWhatIsDropped_SaysSo(t *testing.T) {
	rule := apps.HistoryRule{Channels: "*", Events: 20, TTL: time.Hour, Rewind: 5, ClientEvents: true}
	runPastStress(t, rule, func(s *pastStress, random *rand.Rand) {
		channel := s.channels[random.IntN(len(s.channels))]
		switch random.IntN(4) {
		case 0:
			if err := s.hub.ClearHistory(context.Background(), s.app, channel); err != nil {
				s.t.Error(err)
			}
		case 1:
			other := *s.app
			other.History = append(other.History[:1:1], apps.HistoryRule{Channels: "none", Events: 1 + random.IntN(5), TTL: time.Hour})
			s.hub.Renew(func(string) (*apps.App, bool) { return &other, true })
		default:
			page, err := s.hub.History(context.Background(), s.app, channel, HistoryQuery{Limit: 10, Backward: true})
			if err != nil || len(page.Events) > 10 {
				s.t.Errorf("a page of %d events, %v", len(page.Events), err)
			}
		}
	})
}

func runPastStress(t *testing.T, rule apps.HistoryRule, disturb func(*pastStress, *rand.Rand)) *pastStress {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	app := apps.Default()
	app.ID, app.Keys, app.History = "1", []apps.Key{{Key: "key", Secret: "secret"}}, []apps.HistoryRule{rule}
	app.Limits.ClientEventsPerSecond, app.Limits.SubscribesPerSecond = 0, 0
	if disturb != nil {
		app.Limits.MaxHistoryBytes = 20_000
	}
	s := &pastStress{t: t, app: &app, hub: New(Config{OfflineGrace: -1, MostPast: 1 << 30}), channels: []string{"private-a", "private-b", "private-c"}}
	s.began = make([][pastPublishers]atomic.Int64, len(s.channels))
	ctx, cancel := context.WithCancel(t.Context())
	var running, publishing, following sync.WaitGroup
	running.Go(func() { _ = s.hub.Run(ctx) })
	for range 3 {
		l := newLiveLoop()
		s.loops = append(s.loops, l)
		s.hub.AddOwner(l)
		running.Go(func() { l.run(ctx) })
	}
	ended := make(chan struct{})
	for w := range pastPublishers {
		publishing.Go(func() { s.publishes(w) })
	}
	for i := range pastFollowers {
		following.Go(func() { s.follows(rand.New(rand.NewPCG(uint64(i), 4)), disturb, ended) })
	}
	publishing.Wait()
	close(ended)
	following.Wait()
	cancel()
	running.Wait()
	if s.heard.Load() == 0 {
		t.Error("nobody heard anything")
	}
	d := &desk{t: t, hub: s.hub, app: app}
	d.emptyOfHistory()
	return s
}

// follows comes and goes until all is published, and then once more: it has to know
// everything then.
func (s *pastStress) follows(random *rand.Rand, disturb func(*pastStress, *rand.Rand), ended <-chan struct{}) {
	f := &follower{s: s, known: make([]followed, len(s.channels))}
	for more := true; more; {
		select {
		case <-ended:
			more = false
		default:
		}
		f.visits(random, func() {
			for target := s.heard.Load() + int64(random.IntN(50)); more && s.heard.Load() < target; {
				select {
				case <-ended:
					return
				case <-time.After(time.Millisecond):
				}
			}
			if disturb != nil {
				disturb(s, random)
			}
		})
	}
	for i := range f.known {
		for w, last := range f.known[i].last {
			if all := s.began[i][w].Load(); max(last, f.known[i].floor[w]) != all {
				s.t.Errorf("of %d on %s the last that is known is %d, began at %d, of %d", w, s.channels[i], last, f.known[i].floor[w], all)
			}
		}
	}
}

// publishes numbers events on each channel: those of the API, or of a socket.
func (s *pastStress) publishes(w int) {
	random := rand.New(rand.NewPCG(uint64(w), 5))
	say := func(channel int, data string) {
		ev := pusherproto.Event{Name: "e", Channels: s.channels[channel : channel+1], Data: []byte(data)}
		if err := s.hub.Publish(context.Background(), s.app, ev); err != nil {
			s.t.Error(err)
		}
	}
	if w == pastPublishers-1 {
		speaker := &sink{}
		l := s.loops[0]
		l.calls(func() {
			if refusal := speaker.Open(s.hub, s.app, l, speaker); refusal != nil {
				s.t.Error(refusal)
			}
			for _, channel := range s.channels {
				v := &visitor{Session: speaker.Session}
				speaker.Receive([]byte(v.subscription(channel, "")))
			}
		})
		say = func(channel int, data string) {
			l.calls(func() {
				speaker.Receive([]byte(`{"event":"client-e","channel":"` + s.channels[channel] + `","data":` + data + `}`))
			})
		}
		defer l.calls(speaker.Gone)
	}
	for range pastEvents {
		channel := random.IntN(len(s.channels))
		say(channel, fmt.Sprintf(`"from %d %d"`, w, s.began[channel][w].Add(1)))
	}
}
