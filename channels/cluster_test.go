package channels

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// watched counts, as a cluster of many nodes would, how many sockets watch each
// user.
type watched struct {
	mu    sync.Mutex
	users map[string]int
}

func (w *watched) signIn(in SignIn)    { w.change(in.Watchlist, in.Replaced) }
func (w *watched) signOut(out SignOut) { w.change(nil, out.Watchlist) }

func (w *watched) change(more, fewer []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users == nil {
		w.users = make(map[string]int)
	}
	for _, id := range more {
		w.users[id]++
	}
	for _, id := range fewer {
		if w.users[id]--; w.users[id] == 0 {
			delete(w.users, id)
		}
	}
}

// distant is the in-memory cluster a round trip away: answers are kept until
// the test lets them go.
type distant struct {
	*memory
	watched watched
	due     []func()
	accept  func(Publication) // of an event, later; nil takes it at once
	overrun bool              // events of sockets are not taken
	full    *pusherproto.Error
	waits   bool // sockets wait to be admitted, unless full refuses them
	inside  int
}

func (c *distant) Admit(_ *apps.App, answer func(*pusherproto.Error)) bool {
	if !c.waits {
		c.inside++
		return true
	}
	c.due = append(c.due, func() {
		if c.full == nil {
			c.inside++
		}
		answer(c.full)
	})
	return false
}

func (c *distant) Depart(*apps.App) { c.inside-- }

func (c *distant) Join(j Join, answer func(Joined)) {
	c.due = append(c.due, func() { c.memory.Join(j, answer) })
}

func (c *distant) Leave(l Leave) { c.due = append(c.due, func() { c.memory.Leave(l) }) }

func (c *distant) SignIn(in SignIn, answer func(SignedIn)) {
	c.watched.signIn(in)
	c.due = append(c.due, func() { c.memory.SignIn(in, answer) })
}

func (c *distant) SignOut(out SignOut) {
	c.watched.signOut(out)
	c.due = append(c.due, func() { c.memory.SignOut(out) })
}

func (c *distant) Publish(p Publication) bool {
	switch {
	case p.Client && c.overrun:
		return false
	case c.accept == nil:
		c.carryOut(p)
	default:
		c.due = append(c.due, func() { c.accept(p) })
	}
	return true
}

// carryOut is Publish for a cluster that says so.
func (m *memory) carryOut(p Publication) {
	m.Publish(p)
	if p.Accepted != nil {
		p.Accepted(nil)
	}
}

// answer lets everything asked so far be answered.
func (c *distant) answer() {
	for c.answerOne() {
	}
}

// answerOne lets the oldest request be carried out and reports whether there was one.
func (c *distant) answerOne() bool {
	if len(c.due) == 0 {
		return false
	}
	next := c.due[0]
	c.due = c.due[1:]
	next()
	return true
}

func newDistantDesk(t testing.TB) (*desk, *distant) {
	var c *distant
	var d *desk
	d = newDeskWith(t, func(n Node) Cluster {
		c = &distant{memory: newMemory(n, func() time.Time { return d.now }, new(atomic.Int64))}
		return c
	})
	return d, c
}

func TestCluster_MessagesForAPendingChannelWaitInOrder(t *testing.T) {
	d, c := newDistantDesk(t)
	a, witness := d.visit(), d.visit()
	witness.says("%s", witness.subscription("private-x", ""))
	c.answer()
	d.settle()
	witness.hears(succeeded("private-x"))
	a.says("%s", a.subscription("private-x", ""))
	a.says(`{"event":"client-one","channel":"private-x","data":1}`)
	a.says(`{"event":"pusher:ping"}`)
	a.says(`{"event":"client-two","channel":"private-x","data":1}`)
	a.says(`{"event":"pusher:unsubscribe","data":{"channel":"private-x"}}`)
	a.says(`{"event":"client-three","channel":"private-x","data":1}`)
	a.hears(`{"event":"pusher:pong","data":"{}"}`) // other messages do not wait
	witness.hears()
	c.answer()
	d.settle()
	a.hearsPart(succeeded("private-x"))
	a.hearsError(pusherproto.CodeNone, "private-x") // the third came after leaving
	witness.hears(`{"event":"client-one","channel":"private-x","data":1}`, `{"event":"client-two","channel":"private-x","data":1}`)
}

func TestCluster_ClientEventThatIsNotTaken_IsRefusedAndNobodyHearsIt(t *testing.T) {
	d, c := newDistantDesk(t)
	a, b := d.visit(), d.visit()
	for _, v := range []*visitor{a, b} {
		v.says("%s", v.subscription("private-x", ""))
		c.answer()
		d.settle()
		v.hears(succeeded("private-x"))
	}
	c.overrun = true
	a.says(`{"event":"client-one","channel":"private-x","data":1}`)
	a.hearsError(pusherproto.CodeClientEvent, "private-x")
	b.hears()
	c.overrun = false
	a.says(`{"event":"client-two","channel":"private-x","data":2}`)
	b.hears(`{"event":"client-two","channel":"private-x","data":2}`)
	if n := d.hub.Stats().Refused; len(n) != 1 || n[0].Reason != ReasonClusterAway || n[0].Count != 1 {
		t.Errorf("refusals are %v", n)
	}
}

func TestCluster_ResubscribingBehindALeave_EndsSubscribed(t *testing.T) {
	d, c := newDistantDesk(t)
	v := d.visit()
	for range 3 {
		v.says("%s", v.subscription("news", ""))
		v.says(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	}
	v.says("%s", v.subscription("news", ""))
	for len(c.due) > 0 {
		c.answer()
		d.settle()
	}
	d.publish("news", "1")
	v.hears(succeeded("news"), succeeded("news"), succeeded("news"), succeeded("news"), event("news", "1"))
}

func TestCluster_SocketGoneBeforeTheAnswer_GivesItsPlacesBack(t *testing.T) {
	d, c := newDistantDesk(t)
	v := d.visit()
	v.says("%s", v.subscription("presence-x", `{"user_id":"1"}`))
	v.says("%s", v.signin(`{"id":"7","watchlist":["8"]}`))
	v.Gone()
	for len(c.due) > 0 {
		c.answer()
		d.settle()
	}
	d.empty()
}

func TestCluster_SigninAgainWhileClosing_LeavesNothing(t *testing.T) {
	d, c := newDistantDesk(t)
	v := d.visit()
	v.says("%s", v.signin(`{"id":"7","watchlist":["8"]}`))
	c.answer()
	d.settle()
	v.says("%s", v.signin(`{"id":"7","watchlist":["9"]}`))
	v.Fail(4100, "for the test")
	for len(c.due) > 0 {
		c.answer()
		d.settle()
	}
	d.empty()
}

// The cluster hears of every watchlist that counts no more, also of one that a
// socket did not live to have.
func TestCluster_Watchlists_AreGivenBack(t *testing.T) {
	d, c := newDistantDesk(t)
	settle := func() {
		for len(c.due) > 0 {
			c.answer()
			d.settle()
		}
	}
	want := func(when string, users map[string]int) {
		t.Helper()
		if diff := cmp.Diff(users, c.watched.users, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	a, b := d.visit(), d.visit()
	a.says("%s", a.signin(`{"id":"7","watchlist":["8","9"]}`))
	b.says("%s", b.signin(`{"id":"7","watchlist":["9"]}`))
	settle()
	want("two watch", map[string]int{"8": 1, "9": 2})
	a.says("%s", a.signin(`{"id":"7","watchlist":["9","10"]}`))
	settle()
	want("one watches others", map[string]int{"9": 2, "10": 1})
	b.says("%s", b.signin(`{"id":"7"}`))
	settle()
	want("one watches nobody", map[string]int{"9": 1, "10": 1})
	b.leaves()
	a.says("%s", a.signin(`{"id":"7","watchlist":["11"]}`))
	a.leaves() // before the answer
	settle()
	want("both have left", nil)

	first := d.visit()
	first.says("%s", first.signin(`{"id":"7","watchlist":["8"]}`))
	first.leaves()
	settle()
	want("one left before its first answer", nil)

	d.visit().leaves()
	closing := d.visit() // on the first loop, to which Gone is posted
	closing.says("%s", closing.signin(`{"id":"7","watchlist":["8"]}`))
	settle()
	closing.pipelines("%s", closing.signin(`{"id":"7","watchlist":["9","10"]}`))
	c.answer()
	closing.Fail(4100, "for the test") // before the answer arrives; Gone comes behind it
	d.settle()
	settle()
	want("one was closed with its answer under way", nil)
	d.empty()
}

func TestCluster_TooMuchWaiting_ClosesTheSocket(t *testing.T) {
	d, _ := newDistantDesk(t)
	v := d.visit()
	v.says("%s", v.signin(`{"id":"7"}`))
	for range heldLimit/1024 + 1 {
		v.pipelines(`{"event":"pusher:ping","x":"%01024d"}`, 0)
	}
	d.settle()
	if v.closed != 4100 {
		t.Errorf("closed with %d", v.closed)
	}
}
