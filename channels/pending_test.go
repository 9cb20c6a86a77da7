package channels

import (
	"strings"
	"testing"

	"fanfare/pusherproto"
)

// What waits for two answers at once must come out in the order it came in.
func TestPending_SubscriptionAnsweredDuringSignin_KeepsTheOrder(t *testing.T) {
	d := newDesk(t)
	a, witness := d.visit(), d.visit()
	witness.subscribes("private-x")
	forget(witness)
	a.pipelines("%s", a.subscription("private-x", ""))
	a.pipelines(`{"event":"client-one","channel":"private-x","data":1}`) // waits for the subscription
	a.pipelines("%s", a.signin(`{"id":"7"}`))
	a.pipelines(`{"event":"client-two","channel":"private-x","data":1}`) // waits for the sign-in
	d.settle()
	witness.hears(
		`{"event":"client-one","channel":"private-x","data":1}`,
		`{"event":"client-two","channel":"private-x","data":1}`,
	)
	a.hears(succeeded("private-x"), signedIn(`{"id":"7"}`))
}

func TestPending_UnsubscribeAndSubscribeAroundSignin_EndsSubscribed(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.pipelines("%s", v.subscription("news", ""))
	v.pipelines(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	v.pipelines("%s", v.signin(`{"id":"7"}`))
	v.pipelines("%s", v.subscription("news", ""))
	d.settle()
	forget(v)
	d.publish("news", "1")
	v.hears(event("news", "1"))
}

func TestPending_SigninAnsweredBeforeTheSubscription_KeepsTheOrder(t *testing.T) {
	// The two requests go to a cluster that answers the younger one first.
	d, c := newDistantDesk(t)
	a, witness := d.visit(), d.visit()
	witness.subscribes("private-x")
	c.answer()
	d.settle()
	forget(witness)
	a.pipelines("%s", a.subscription("private-x", ""))
	a.pipelines(`{"event":"client-one","channel":"private-x","data":1}`)
	a.pipelines("%s", a.signin(`{"id":"7"}`))
	a.pipelines(`{"event":"client-two","channel":"private-x","data":1}`)
	c.due[0], c.due[1] = c.due[1], c.due[0]
	c.answerOne()
	d.settle()
	a.hears(signedIn(`{"id":"7"}`))
	witness.hears()
	c.answerOne()
	d.settle()
	a.hears(succeeded("private-x"))
	witness.hears(
		`{"event":"client-one","channel":"private-x","data":1}`,
		`{"event":"client-two","channel":"private-x","data":1}`,
	)
}

func TestPending_EmptyMessagesWithoutEnd_CloseTheSocket(t *testing.T) {
	d, _ := newDistantDesk(t)
	v := d.visit()
	v.says("%s", v.signin(`{"id":"7"}`))
	for range heldLimit + 1 {
		v.Receive(nil)
	}
	d.settle()
	if v.closed != pusherproto.CodeOverCapacity {
		t.Errorf("%d empty messages wait for an answer, closed with %d, want 4100", len(v.held.queues[forSignin]), v.closed)
	}
}

func TestPending_OtherChannelsDoNotWait(t *testing.T) {
	d, c := newDistantDesk(t)
	v := d.visit()
	v.says("%s", v.subscription("private-slow", ""))
	v.says("%s", v.subscription("private-fast", ""))
	v.says(`{"event":"client-e","channel":"private-none","data":{}}`)
	v.says(`{"event":"pusher:unsubscribe","data":{"channel":"private-none"}}`)
	v.hearsError(pusherproto.CodeNone, "private-none")
	v.hears()
	c.due[0], c.due[1] = c.due[1], c.due[0]
	c.answerOne()
	d.settle()
	v.hears(succeeded("private-fast"))
	d.publish("private-fast", "1")
	v.hears(event("private-fast", "1"))
	d.publish("private-slow", "1") // nobody is there yet
	c.answerOne()
	d.settle()
	v.hears(succeeded("private-slow"))
}

func TestPending_SubscribedTwice_SecondIsAnsweredAfterTheFirst(t *testing.T) {
	d, c := newDistantDesk(t)
	v := d.visit()
	v.says("%s", v.subscription("news", ""))
	v.says("%s", v.subscription("news", ""))
	v.hears()
	c.answer()
	d.settle()
	v.hears(succeeded("news"))
	c.answer()
	d.settle()
	v.hears(succeeded("news"))
	if info, _ := d.hub.Channel(t.Context(), &d.app, "news"); info.Sockets != 1 {
		t.Errorf("counted %d times", info.Sockets)
	}
}

func TestPending_SubscriptionsCountAgainstTheLimit(t *testing.T) {
	d, c := newDistantDesk(t)
	d.app.Limits.MaxSubscriptions = 1
	v := d.visit()
	v.says("%s", v.subscription("one", ""))
	v.says("%s", v.subscription("two", ""))
	v.hearsRefusal("two", "LimitReached", 4004)
	c.answer()
	d.settle()
	v.hears(succeeded("one"))
}

func TestPending_RefusedByTheCluster_WaitingMessagesFindNoSubscription(t *testing.T) {
	d, c := newDistantDesk(t)
	d.app.Limits.MaxPresenceMembers = 1
	a, b := d.visit(), d.visit()
	a.joins(room, "a")
	c.answer()
	d.settle()
	forget(a)
	b.joins(room, "b")
	b.says(`{"event":"client-e","channel":"presence-room","data":{}}`)
	c.answer()
	d.settle()
	b.hearsRefusal(room, "LimitReached", 4004)
	b.hearsError(pusherproto.CodeNone, room)
	b.hears()
	a.hears()
	if len(b.places) != 0 {
		t.Errorf("the socket still has %d subscriptions", len(b.places))
	}
}

func TestPending_GoneBeforeTheAnswer_OthersSeeTheUserComeAndGo(t *testing.T) {
	d, c := newDistantDesk(t)
	a, b := d.visit(), d.visit()
	a.joins(room, "a")
	c.answer()
	d.settle()
	forget(a)
	b.joins(room, "b")
	b.leaves()
	for len(c.due) > 0 {
		c.answer()
		d.settle()
	}
	a.hears(added("b"), removed("b"))
	b.hears()
}

func TestPending_UnsubscribedBehindJoin_OthersSeeTheUserComeAndGo(t *testing.T) {
	d, c := newDistantDesk(t)
	a, b := d.visit(), d.visit()
	a.joins(room, "a")
	c.answer()
	d.settle()
	forget(a)
	b.joins(room, "b")
	b.unsubscribes(room)
	for len(c.due) > 0 {
		c.answer()
		d.settle()
	}
	a.hears(added("b"), removed("b"))
	b.hears(listed(room, "a", "null", "b", "null"))
}

func TestPending_Signin_HoldsEverything(t *testing.T) {
	d, c := newDistantDesk(t)
	v, witness := d.visit(), d.visit()
	for _, s := range []*visitor{v, witness} {
		s.subscribes("private-x")
	}
	c.answer()
	d.settle()
	forget(v, witness)
	v.says("%s", v.signin(`{"id":"7"}`))
	v.says(`{"event":"pusher:ping"}`)
	v.says(`{"event":"client-e","channel":"private-x","data":{}}`)
	v.says("%s", v.subscription("#server-to-user-7", ""))
	v.says(`{`)
	v.says("%s", v.signin(`{"id":"8"}`))
	v.hears()
	witness.hears()
	c.answer()
	d.settle()
	v.hearsPart("pusher:signin_success")
	v.hearsPart(`{"event":"pusher:pong","data":"{}"}`)
	v.hearsPart(succeeded("#server-to-user-7"))
	v.hearsError(0, "")
	v.hearsError(4009, "")
	v.hears()
	witness.hears(`{"event":"client-e","channel":"private-x","data":{}}`)
}

func TestPending_UserEventAfterTheAnswer_IsHeardAfterSigninSuccess(t *testing.T) {
	d, c := newDistantDesk(t)
	v := d.visit()
	v.says("%s", v.signin(`{"id":"7"}`))
	d.publish("#server-to-user-7", "early") // not signed in yet
	c.answer()
	ev := pusherproto.Event{Name: "e", Channels: []string{"#server-to-user-7"}, Data: []byte(`"late"`)}
	mustNotFail(t, d.hub.Publish(t.Context(), &d.app, ev)) // the answer is still in the mail
	d.settle()
	v.hearsPart("pusher:signin_success")
	v.hears(event("#server-to-user-7", "late"))
}

func TestPending_ClosedByAFailure_NothingMoreIsHeard(t *testing.T) {
	d, c := newDistantDesk(t)
	v := d.visit()
	v.says("%s", v.subscription("news", ""))
	v.says(`{"event":"client-%s","channel":"news","data":1}`, strings.Repeat("x", 10))
	v.Fail(4201, "no pong")
	c.answer()
	for d.settle(); len(c.due) > 0; d.settle() {
		c.answer()
	}
	v.hears(`{"event":"pusher:error","data":{"code":4201,"message":"no pong"}}`)
	if v.closed != 4201 {
		t.Errorf("closed with %d", v.closed)
	}
	d.empty()
}

// A presence list may be a thousand times longer than the message that asks
// for it, so a socket that asks again and again gets one answer at a time.
func TestSubscribe_AgainAndAgain_OneAnswerAtATime(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.joins(room, "ann")
	forget(v)
	const times = 50
	for range times {
		v.Receive([]byte(v.subscription(room, `{"user_id":"ann"}`)))
	}
	if n := len(d.loops[0].mail) + len(d.loops[1].mail); n != 1 {
		t.Errorf("%d answers wait at once", n)
	}
	d.settle()
	if len(v.got) != times {
		t.Errorf("%d of %d were answered", len(v.got), times)
	}
}

// A client that sends much at once must not make each answer as dear as all
// that still waits: what comes behind it on the same loop would wait for that.
func TestPending_MuchAtOnce_EachMessageIsHeldOnce(t *testing.T) {
	const pairs = 500
	for name, message := range map[string]func(v *visitor) string{
		"subscribe": func(v *visitor) string { return v.subscription("news", "") },
		"signin":    func(v *visitor) string { return v.signin(`{"id":"7"}`) },
	} {
		d := newDesk(t)
		v := d.visit()
		first, second := []byte(message(v)), []byte(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
		allocations := testing.AllocsPerRun(1, func() {
			for range pairs {
				v.Receive(first)
				v.Receive(second)
			}
			d.settle()
			forget(v)
		})
		if v.closed != 0 || v.held != nil {
			t.Fatalf("%s: closed with %d, %v is held", name, v.closed, v.held)
		}
		if per := allocations / (2 * pairs); per > 30 {
			t.Errorf("%s: %.0f allocations a message", name, per)
		}
	}
}
