package sockets

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
)

// handled is a loop that is turned by the test, with lanes and what was handled.
type handled struct {
	*loop
	lanes []*lane
	order [][]int // by lane
	last  []int   // lanes in the order of their mail
}

func newHandled(t *testing.T, lanes int) *handled {
	t.Helper()
	server, err := New(Config{Loops: 1}, channels.New(channels.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	h := &handled{loop: server.loops[0], order: make([][]int, lanes)}
	for range lanes {
		h.lanes = append(h.lanes, h.Lane(new(channels.Pressure)).(*lane))
	}
	t.Cleanup(func() { h.settle(); h.waiter.close() })
	return h
}

// post posts the nth mail of a lane. It weighs weight.
func (h *handled) post(lane, n, weight int) {
	h.lanes[lane].Post(channels.Reading((weight-1)*32, func() {
		h.order[lane] = append(h.order[lane], n)
		h.last = append(h.last, lane)
	}))
}

// All mail of an app is handled in the order it was posted, whatever it weighs
// and whatever others post meanwhile.
func TestLane_MailIsHandledInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(12, 1))
	const lanes = 5
	h := newHandled(t, lanes)
	var posted [lanes]int
	for range 200 {
		for range random.IntN(50) {
			lane := random.IntN(lanes)
			weight := 1
			if random.IntN(4) == 0 {
				weight += random.IntN(3 * turnWeight)
			}
			h.post(lane, posted[lane], weight)
			posted[lane]++
		}
		h.turn(0)
	}
	for h.turn(0) {
	}
	for lane, order := range h.order {
		if len(order) != posted[lane] {
			t.Errorf("%d of %d were handled", len(order), posted[lane])
		}
		for i, n := range order {
			if n != i {
				t.Fatalf("lane %d: mail %d was handled as the %dth", lane, n, i)
			}
		}
		if h.lanes[lane].weight != 0 || h.lanes[lane].pressure.High() {
			t.Errorf("lane %d weighs %d and is under pressure: %v", lane, h.lanes[lane].weight, h.lanes[lane].pressure.High())
		}
	}
	if n := h.mail.weight.Load(); n != 0 {
		t.Errorf("the loop's mail weighs %d", n)
	}
}

// Lanes get the same of a loop, by weight and not by number.
func TestCarry_LanesShareByWeight(t *testing.T) {
	const heavy = 500
	h := newHandled(t, 2)
	for n := range 20 * turnWeight {
		h.post(0, n, 1)
	}
	for n := range 20 * turnWeight / heavy {
		h.post(1, n, heavy)
	}
	for range 10 {
		h.turn(0)
	}
	light, dear := len(h.order[0]), heavy*len(h.order[1])
	if light+dear < 9*turnWeight || light-dear > turnWeight || dear-light > turnWeight {
		t.Errorf("ten turns handled %d of one and %d of the other", light, dear)
	}
}

// One piece of mail that is worth many turns is paid for: the other lane gets as
// much before the next.
func TestCarry_AfterAHeavyMail_OthersGetTheirShare(t *testing.T) {
	const heavy = 8 * turnWeight
	h := newHandled(t, 2)
	for n := range 3 {
		h.post(0, n, heavy)
	}
	for n := range 3 * heavy {
		h.post(1, n, 1)
	}
	for h.turn(0) {
		if light, dear := len(h.order[1]), heavy*(len(h.order[0])-1); len(h.order[0]) < 3 && light < dear-turnWeight {
			t.Fatalf("%d were handled of one and %d of the other", dear+heavy, light)
		}
	}
}

// What belongs to no app is handled before the mail of all apps.
func TestCarry_TheLoopsOwnGoesFirst(t *testing.T) {
	h := newHandled(t, 3)
	for lane := range 3 {
		h.post(lane, 0, 1)
	}
	h.Post(channels.Call(func() { h.last = append(h.last, -1) }))
	h.turn(0)
	if len(h.last) != 4 || h.last[0] != -1 {
		t.Errorf("handled in the order %v", h.last)
	}
}

// A storm of every app there is takes no more than the bound in all, and leaves
// room for one that is quiet.
func TestMailbox_OfManyBusyApps_IsBounded(t *testing.T) {
	t.Run("many", func(t *testing.T) { manyBusy(t, 200, 100) })
	t.Run("very many", func(t *testing.T) { manyBusy(t, 5000, 100) })
}

func manyBusy(t *testing.T, lanes, weight int) {
	h := newHandled(t, lanes+1)
	quiet := h.lanes[lanes]
	for posted := true; posted; {
		posted = false
		for lane := range lanes {
			if !h.lanes[lane].pressure.High() {
				h.post(lane, 0, weight)
				posted = true
			}
		}
	}
	if n := h.mail.weight.Load(); n > int64(mostMail+lanes*weight) {
		t.Errorf("%d wait, at most %d may", n, mostMail)
	}
	h.post(lanes, 0, weight)
	if quiet.pressure.High() && lanes*leastMail < mostMail {
		t.Error("the quiet app is under pressure")
	}
	for h.turn(0) {
	}
	for lane, n := range h.lanes {
		if n.pressure.High() {
			t.Fatalf("app %d is under pressure without mail", lane)
		}
	}
}

// A question to a loop about all it was given is answered behind all of it.
func TestPostLast_IsBehindAllMail(t *testing.T) {
	h := newHandled(t, 4)
	const each = 100
	for lane := range 3 {
		for n := range each {
			h.post(lane, n, turnWeight/10)
		}
	}
	asked := false
	h.postLast(func() {
		asked = true
		for lane := range 3 {
			if n := len(h.order[lane]); n != each {
				t.Errorf("lane %d had handled %d of %d", lane, n, each)
			}
		}
	})
	h.turn(0)
	if asked {
		t.Error("it was asked before")
	}
	for h.turn(0) {
	}
	if !asked {
		t.Error("it was not asked")
	}
	asked = false
	h.postLast(func() { asked = true }) // also of a loop without mail
	if h.turn(0); !asked {
		t.Error("it was not asked without mail")
	}
}

// Pressure that is raised and taken back by many at once does not stay: nobody
// would post what takes it back.
func TestPressure_OfMailFromManySides_EndsWithIt(t *testing.T) {
	h := start(t, Config{Loops: 2}, nil)
	pressure := new(channels.Pressure)
	var all sync.WaitGroup
	for _, l := range h.server.loops {
		n := l.Lane(pressure).(*lane)
		for range 4 {
			all.Go(func() {
				for range 2000 {
					if pressure.Wait(t.Context()) != nil {
						return
					}
					n.Post(channels.Reading(32*highWater/3, func() {}))
				}
			})
		}
	}
	all.Wait()
	h.until("the pressure has ended", func() bool { return !pressure.High() })
}

// A socket that has sent something is not held to its deadlines while the
// server leaves it unread. One of the same app that says nothing is.
func TestPause_HoldsDeadlinesOfThoseWhoHaveSpoken(t *testing.T) {
	linksOf(t, Config{Loops: 1}, func(app *apps.App) {
		app.ActivityTimeout, app.PongTimeout = 10*time.Second, 5*time.Second
		app.RequireAuthorization, app.AuthorizationTimeout = true, 40*time.Second
	}, func(h *harness) {
		l := h.server.loops[0]
		speaks, silent := h.dial(), h.dial()
		pressure := h.server.loops[0].laneOf(h.app).pressure
		message := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping","data":{}}`))))
		speaks.write(message[:10]) // of a message, which has a deadline too
		h.until("it has come", func() bool { return h.hub.Stats().Apps[0].BytesReceived == 10 })
		pressure.Rise()
		speaks.write(message[10:])
		var paused *conn
		h.until("the socket is paused", func() (found bool) {
			h.on(l, func() {
				l.sockets(func(c *conn) bool {
					if c.paused {
						paused, found = c, true
					}
					return !found
				})
			})
			return found
		})
		pass := func(d time.Duration) { h.on(l, func() { l.started = l.started.Add(-d) }) }
		pass(12 * time.Second)
		if f := silent.read(); f.Header.OpCode != ws.OpPing {
			t.Fatalf("the silent one got %v, want a ping", f.Header.OpCode)
		}
		pass(12 * time.Second)
		silent.expect("4201")
		h.until("its session has ended", func() bool { return h.hub.Stats().Apps[0].Sockets == 1 })
		for range 5 {
			pass(30 * time.Second)
			h.on(l, func() {})
		}
		h.on(l, func() { // and time passes before it is read
			pressure.Fall()
			l.started = l.started.Add(-30 * time.Second)
		})
		speaks.expect("pusher:pong")
		h.on(l, func() {
			if paused.paused {
				t.Error("the socket is still paused")
			}
		})
	})
}

// A close that the server begins is answered by a paused client as by any other.
func TestPause_OfASocketThatIsClosed_Ends(t *testing.T) {
	linksOf(t, Config{CloseTimeout: time.Hour}, nil, func(h *harness) {
		p := h.dial()
		h.server.loops[0].laneOf(h.app).pressure.Rise()
		p.send(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
		h.until("the socket is paused", func() (found bool) {
			for _, l := range h.server.loops {
				h.on(l, func() {
					l.sockets(func(c *conn) bool { found = found || c.paused; return true })
				})
			}
			return found
		})
		h.renew(func(a *apps.App) { a.Enabled = false })
		p.expect(`"code":4003`)
		p.expectClose(4003)
		h.until("the connection is gone", func() bool { return h.server.Sockets() == 0 })
	})
}

// What clients of HTTP sessions send waits too, for their own app alone.
func TestDeliver_UnderPressure_WaitsForItsApp(t *testing.T) {
	h := start(t, Config{Loops: 1}, nil)
	other := *h.app
	other.ID = "2"
	keys := make(map[*apps.App]SessionKey)
	for _, app := range []*apps.App{h.app, &other} {
		keys[app] = SessionKey{AppID: app.ID, Random: "r"}
		if refusal := h.server.OpenSession(keys[app], netip.Addr{}, NewReceive(true), Opening{App: app, Protocol: 7}); refusal != nil {
			t.Fatal(refusal)
		}
	}
	ping := []string{`{"event":"pusher:ping","data":{}}`}
	pressure := h.server.loops[0].laneOf(h.app).pressure
	pressure.Rise()
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if taken, err := h.server.Deliver(short, keys[h.app], ping); taken || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v, want to have waited", taken, err)
	}
	if taken, err := h.server.Deliver(t.Context(), keys[&other], ping); !taken || err != nil {
		t.Errorf("the other app's got %v, %v", taken, err)
	}
	if n := h.hub.Stats().MessagesReceived; n != 1 {
		t.Errorf("%d messages were handled", n)
	}
	pressure.Fall()
	if taken, err := h.server.Deliver(t.Context(), keys[h.app], ping); !taken || err != nil {
		t.Errorf("without pressure it got %v, %v", taken, err)
	}
}

// A queue that never runs empty takes no more room for what has passed through.
func TestFifo_ThatIsNeverEmpty_StaysSmall(t *testing.T) {
	var q fifo[*int]
	for n := range 100 {
		q.push(&n)
	}
	numbers := make([]int, 10_000)
	for i := range numbers {
		numbers[i] = 100 + i
		q.push(&numbers[i])
		if n := *q.pop(); n != i {
			t.Fatalf("%d came as the %dth", n, i)
		}
	}
	first := -1
	q.unshift(&first)
	if *q.pop() != first || q.len() != 100 || cap(q.items) > 1000 {
		t.Errorf("%d are left, in room for %d", q.len(), cap(q.items))
	}
}
