package channels

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// opens is visit with what the socket hears first, or why it may not come in.
func (d *desk) opens() (*visitor, *pusherproto.Error) {
	v := &visitor{d: d}
	return v, v.Open(d.hub, &d.app, d.loops[0], v)
}

func TestOpen_EstablishedIsHeardFirst(t *testing.T) {
	for timeout, seconds := range map[time.Duration]int{
		120 * time.Second: 120, 90*time.Second + 500*time.Millisecond: 90, time.Millisecond: 1, 0: 1, // 0 would be the end of pusher-js
	} {
		d := newDesk(t, func(a *apps.App) { a.ActivityTimeout = timeout })
		v, refusal := d.opens()
		if refusal != nil {
			t.Fatal(refusal)
		}
		v.subscribes("news")
		v.hears(
			fmt.Sprintf(`{"event":"pusher:connection_established","data":"{\"socket_id\":\"%s\",\"activity_timeout\":%d}"}`, v.ID(), seconds),
			succeeded("news"),
		)
		if v.App() != &d.app {
			t.Errorf("app %v", v.App())
		}
	}
}

func TestOpen_SocketIDsAreDistinctAndWellFormed(t *testing.T) {
	d := newDesk(t)
	seen := make(map[string]bool)
	shape := regexp.MustCompile(`^[1-9]\d*\.[1-9]\d*$`)
	for range 1000 {
		v, _ := d.opens()
		id := v.ID().String()
		if seen[id] || !shape.MatchString(id) || len(id) > 21 {
			t.Fatalf("socket id %q, seen %v", id, seen[id])
		}
		seen[id] = true
	}
}

func TestOpen_OverTheQuota_4004UntilOneLeaves(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxConnections = 2 })
	a, _ := d.opens()
	b, _ := d.opens()
	for range 3 {
		v, refusal := d.opens()
		if refusal == nil || refusal.Code != pusherproto.CodeOverQuota {
			t.Fatalf("the third got %v", refusal)
		}
		v.Gone() // it was never there
		v.hears()
	}
	a.Fail(4100, "slow") // told why, but not gone yet
	if _, refusal := d.opens(); refusal == nil {
		t.Error("a place was free before its socket was gone")
	}
	d.settle()
	c, refusal := d.opens()
	if refusal != nil {
		t.Fatal(refusal)
	}
	b.Gone()
	c.Gone()
	d.empty()
}

func TestOpen_Draining_4100(t *testing.T) {
	d := newDesk(t)
	d.hub.Close()
	v, refusal := d.opens()
	if refusal == nil || refusal.Code != pusherproto.CodeOverCapacity {
		t.Fatalf("got %v", refusal)
	}
	v.hears()
	d.empty()
}

func TestOpen_DrainingNode_TakesNoEvents(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("news")
	forget(v)
	d.hub.Close()
	ev := pusherproto.Event{Name: "e", Channels: []string{"news"}, Data: []byte(`"1"`)}
	for name, err := range map[string]error{
		"publish":       d.hub.Publish(t.Context(), &d.app, ev),
		"try publish":   d.hub.TryPublish(&d.app, ev),
		"publish batch": d.hub.PublishBatch(t.Context(), &d.app, []pusherproto.Event{ev}),
	} {
		if !errors.Is(err, ErrDraining) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.settle()
	v.hears()
	v.says(`{"event":"pusher:ping"}`) // who is in is still served
	v.hears(`{"event":"pusher:pong","data":"{}"}`)
}

func TestRenew_NewLimitsCount_DisabledClosesWith4003(t *testing.T) {
	d := newDesk(t)
	a, b, c := d.visit(), d.visit(), d.visit()
	for _, v := range []*visitor{a, b, c} {
		v.joins(room, "u")
	}
	forget(a, b, c)
	changed := d.app
	changed.ClientEvents = false
	a.Renew(&changed)
	a.says(`{"event":"client-e","channel":"presence-room","data":{}}`)
	a.hearsError(pusherproto.CodeNone, room)
	changed.Enabled = false
	b.Renew(&changed)
	c.Renew(nil)
	for _, v := range []*visitor{b, c} {
		if v.hearsError(4003, ""); v.closed != pusherproto.CodeAppDisabled {
			t.Errorf("closed with %d", v.closed)
		}
		v.Renew(&d.app) // too late
		v.says(`{"event":"pusher:ping"}`)
		v.hears()
	}
	a.leaves()
	d.empty()
}

func TestAuthorized_BySigninOrASignedChannel(t *testing.T) {
	tests := map[string]struct {
		do   func(v *visitor)
		want bool
	}{
		"nothing":         {func(*visitor) {}, false},
		"public":          {func(v *visitor) { v.subscribes("news") }, false},
		"public cache":    {func(v *visitor) { v.subscribes("cache-x") }, false},
		"refused private": {func(v *visitor) { v.says(`{"event":"pusher:subscribe","data":{"channel":"private-x"}}`) }, false},
		"full presence":   {func(v *visitor) { v.joins("presence-full", "2") }, false},
		"private":         {func(v *visitor) { v.subscribes("private-x") }, true},
		"encrypted":       {func(v *visitor) { v.subscribes("private-encrypted-x") }, true},
		"presence":        {func(v *visitor) { v.joins(room, "1") }, true},
		"sign-in":         {func(v *visitor) { v.signsIn(`{"id":"7"}`) }, true},
		"private, left": {func(v *visitor) {
			v.subscribes("private-x")
			v.unsubscribes("private-x")
		}, true},
	}
	for name, test := range tests {
		d := newDesk(t, func(a *apps.App) { a.Limits.MaxPresenceMembers = 1 })
		d.visit().joins("presence-full", "1")
		v := d.visit()
		if test.do(v); v.Authorized() != test.want {
			t.Errorf("%s: authorized %v", name, v.Authorized())
		}
	}
}

func TestFail_FromThereOnMessagesAreIgnored(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.Fail(4100, "too slow")
	v.Fail(4201, "again") // both before the transport says that it is gone
	v.pipelines("%s", v.subscription("news", ""))
	v.pipelines("%s", v.signin(`{"id":"7"}`))
	if list, _ := d.hub.Channels(t.Context(), &d.app, ""); len(list) != 0 {
		t.Errorf("it still subscribed: %+v", list)
	}
	v.hears(`{"event":"pusher:error","data":{"code":4100,"message":"too slow"}}`)
	d.settle()
	v.hears()
	if refusals := d.hub.Stats().Refusals; v.closed != 4100 || len(refusals) != 1 {
		t.Errorf("closed with %d, refusals %v", v.closed, refusals)
	}
	d.empty()
}

func TestGone_HearsNothingMore(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("news")
	forget(v)
	v.leaves()
	v.Fail(4100, "late")
	v.says(`{"event":"pusher:ping"}`)
	d.publish("news", "1")
	v.hears()
	if v.closed != 0 {
		t.Errorf("closed with %d", v.closed)
	}
	d.empty()
}
