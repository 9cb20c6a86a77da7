package channels

import (
	"sync/atomic"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// distant is the in-memory cluster a round trip away: answers are kept until
// the test lets them go.
type distant struct {
	*memory
	due []func()
}

func (c *distant) Join(j Join, answer func(Joined)) {
	c.due = append(c.due, func() { c.memory.Join(j, answer) })
}

func (c *distant) Leave(l Leave) { c.due = append(c.due, func() { c.memory.Leave(l) }) }

func (c *distant) SignIn(in SignIn, answer func(SignedIn)) {
	c.due = append(c.due, func() { c.memory.SignIn(in, answer) })
}

func (c *distant) SignOut(app *apps.App, userID string) {
	c.due = append(c.due, func() { c.memory.SignOut(app, userID) })
}

// answer lets everything asked so far be answered.
func (c *distant) answer() {
	for c.answerOne() {
	}
}

// answerOne lets the oldest request be carried out and tells whether there was one.
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
