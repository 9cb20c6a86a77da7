package channels

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// use makes an app leave traces wherever it can: sockets, channels of every
// kind, members, users, cached events, counts and refusals.
func (d *desk) use(app *apps.App) {
	d.t.Helper()
	v := d.visitApp(app)
	v.subscribes("x")
	v.subscribes("cache-y")
	v.subscribes("private-x")
	v.joins("presence-x", "7")
	v.signsIn(`{"id":"7","watchlist":["8"]}`)
	v.says(`{"event":"client-e","channel":"private-x","data":"1"}`)
	v.says(`{"event":"client-e","channel":"x","data":"1"}`) // refused
	ev := pusherproto.Event{Name: "e", Channels: []string{"x", "cache-x"}, Data: []byte(`"1"`)}
	if err := d.hub.Publish(context.Background(), app, ev); err != nil {
		d.t.Fatal(err)
	}
	d.settle()
	v.Gone()
	v.CountClose(1000)
	d.settle()
}

func (d *desk) known(ids ...string) func(string) bool {
	return func(id string) bool {
		for _, known := range ids {
			if id == known {
				return true
			}
		}
		return false
	}
}

// Apps that come and go with the configuration leave nothing behind.
func TestForget_TenThousandAppsThatAreGone_TakeNoMemory(t *testing.T) {
	d := newDesk(t)
	d.hub.SetOfflineGrace(time.Second)
	use := func(from, to int) {
		for i := from; i < to; i++ {
			app := d.app
			app.ID = fmt.Sprint("app-", i)
			d.use(&app)
			d.passes(10 * time.Second)
			d.hub.Forget(d.known("1"))
		}
	}
	heap := func() int64 {
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	use(0, 500)
	before := heap()
	use(500, 10_500)
	if grown := heap() - before; grown > 500_000 {
		t.Errorf("10,000 apps left %d bytes", grown)
	}
	stats := d.hub.Stats()
	if len(stats.Apps) != 0 || len(stats.Refused) != 0 {
		t.Errorf("%d apps and %d refusals are left", len(stats.Apps), len(stats.Refused))
	}
	if stats.Published != 10_500 || stats.ClientEvents != 10_500 || stats.Refusals[0] != 10_500 {
		t.Errorf("the sums of the node are %d events, %d client events and %v refusals", stats.Published, stats.ClientEvents, stats.Refusals)
	}
	d.passes(time.Hour)
	left := 0
	d.memory().apps.Range(func(_, _ any) bool { left++; return true })
	if left > 0 || len(d.memory().schedule.due) > 0 {
		t.Errorf("%d apps and %d deadlines are left", left, len(d.memory().schedule.due))
	}
	for k := range account.Kinds {
		if n := d.hub.tenants.account.BytesOf(account.Kind(k)); n != 0 {
			t.Errorf("%d bytes of %s are left", n, account.Kind(k))
		}
	}
}

func TestForget_WhoIsStillThereStays(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.joins("presence-x", "7")
	v.hearsPart("succeeded")
	d.hub.Forget(d.known())
	other := d.visit()
	other.joins("presence-x", "8")
	other.hearsPart(`\"count\":2`)
	v.hearsPart("member_added")
	v.Gone()
	other.Gone()
	d.settle()
	d.hub.Forget(d.known("1"))
	if n := len(d.hub.Stats().Apps); n != 1 {
		t.Errorf("%d apps, want the one that is known", n)
	}
	d.hub.Forget(d.known())
	if n := len(d.hub.Stats().Apps); n != 0 {
		t.Errorf("%d apps are left", n)
	}
	d.use(&d.app) // it comes back
	if a := d.hub.Stats().Apps[0]; a.Opened != 1 || a.Sockets != 0 {
		t.Errorf("an app that came back begins with %+v", a)
	}
}

// slowToForget is a cluster in memory that lets something happen while an app
// is being forgotten.
type slowToForget struct {
	*memory
	meanwhile func()
}

func (c slowToForget) Empty(appID string) {
	c.meanwhile()
	c.memory.Empty(appID)
}

// A socket that opens while its app is being forgotten is on the state that
// stays.
func TestForget_WhileASocketOpens_ItIsNotLost(t *testing.T) {
	var c slowToForget
	var d *desk
	opened := make(chan *visitor, 1)
	c.meanwhile = func() {
		being := d.hub.tenant(d.app.ID)
		go func() {
			v := &visitor{d: d}
			if refusal := v.Open(d.hub, &d.app, d.loops[0], v); refusal != nil {
				t.Error(refusal)
			}
			opened <- v
		}()
		for being.sockets.Load() == forgotten { // until it has tried
			runtime.Gosched()
		}
	}
	d = newDeskWith(t, func(n Node) Cluster {
		c.memory = newMemory(n, time.Now, new(atomic.Int64))
		return c
	})
	d.hub.tenant(d.app.ID)
	d.hub.Forget(d.known())
	v := <-opened
	if v.tenant.tenant != d.hub.tenant(d.app.ID) {
		t.Error("the socket is on a state that nobody finds")
	}
	if n := d.hub.Stats().Apps[0].Sockets; n != 1 {
		t.Errorf("%d sockets are counted, want 1", n)
	}
	v.Gone()
}

// An app with histories leaves nothing either: neither events nor what is known of
// those that were dropped, nor a deadline.
func TestForget_AppsWithHistories_LeaveNothing(t *testing.T) {
	d := newDesk(t)
	for i := range 50 {
		app := d.app
		app.ID = fmt.Sprint("app-", i)
		app.History = []apps.HistoryRule{{Channels: "*", Events: 2, TTL: 24 * time.Hour, ClientEvents: true}}
		d.use(&app)
		d.use(&app)
		mustNotFail(t, d.hub.ClearHistory(t.Context(), &app, "x"))
	}
	d.passes(10 * time.Second)
	d.hub.Forget(d.known("1"))
	left := 0
	d.memory().apps.Range(func(_, _ any) bool { left++; return true })
	if n := len(d.memory().schedule.due); left > 0 || n > 0 || len(d.hub.Stats().Apps) > 0 {
		t.Errorf("%d apps and %d deadlines are left", left, n)
	}
	for k := range account.Kinds {
		if n := d.hub.tenants.account.BytesOf(account.Kind(k)); n != 0 {
			t.Errorf("%d bytes of %s are left", n, account.Kind(k))
		}
	}
}
