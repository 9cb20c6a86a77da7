package channels

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
)

// recorder is an Observer that writes down what it is told.
type recorder struct {
	d   *desk
	got []string
}

func (r *recorder) Observe(n Notice) {
	kind := [...]string{"occupied", "vacated", "member_added", "member_removed", "client_event", "cache_miss", "count"}[n.Kind]
	text := n.App.ID + " " + kind + " " + n.Channel
	if n.UserID != "" {
		text += " user=" + n.UserID
	}
	if n.Kind == ClientEvent {
		text += fmt.Sprintf(" event=%s data=%s socket=%s", n.Event, n.Data, n.SocketID)
	}
	if n.Kind == SubscriptionCount {
		text += fmt.Sprint(" ", n.Count)
	}
	r.got = append(r.got, text)
}

// observes adds a recorder to the desk.
func (d *desk) observes() *recorder {
	r := &recorder{d: d}
	var list []Observer
	if before := d.hub.observers.Load(); before != nil {
		list = *before
	}
	d.hub.SetObservers(append(list, r)...)
	return r
}

// notices takes what was observed so far, which must be exactly this.
func (r *recorder) notices(want ...string) {
	r.d.t.Helper()
	got := r.got
	r.got = nil
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, got...)); diff != "" {
		r.d.t.Fatalf("observed something else (-want +got):\n%s", diff)
	}
}

func TestNotices_OccupiedOnceAndVacatedOnce(t *testing.T) {
	d := newDesk(t)
	r := d.observes()
	a, b := d.visit(), d.visit()
	a.subscribes("news")
	r.notices("1 occupied news")
	b.subscribes("news")
	b.subscribes("news")
	a.unsubscribes("news")
	a.unsubscribes("news")
	r.notices()
	b.leaves()
	r.notices("1 vacated news")
	c := d.visit()
	c.pipelines("%s", c.subscription("news", ""))
	c.Gone() // before it was told
	d.settle()
	r.notices("1 occupied news", "1 vacated news")
}

func TestNotices_MembersComeAndGoOnce(t *testing.T) {
	d := newDesk(t)
	r := d.observes()
	a, b, c := d.visit(), d.visit(), d.visit()
	a.joins(room, "u")
	r.notices("1 occupied presence-room", "1 member_added presence-room user=u")
	b.joins(room, "u")
	a.leaves()
	r.notices()
	c.joins(room, "other")
	r.notices("1 member_added presence-room user=other")
	b.unsubscribes(room)
	r.notices("1 member_removed presence-room user=u")
	c.leaves()
	r.notices("1 member_removed presence-room user=other", "1 vacated presence-room")
}

func TestNotices_AcceptedClientEventsOnly(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.ClientEventsPerSecond = 2 })
	r := d.observes()
	a, b := d.visit(), d.visit()
	a.joins(room, "7")
	b.subscribes("private-x")
	r.got = nil
	a.says(`{"event":"client-e","channel":"presence-room","data":{"a": 1},"user_id":"forged"}`)
	b.says(`{"event":"client-e","channel":"private-x","data":{}}`)
	r.notices(
		`1 client_event presence-room user=7 event=client-e data={"a": 1} socket=`+a.ID().String(),
		`1 client_event private-x event=client-e data={} socket=`+b.ID().String(),
	)
	a.says(`{"event":"client-e","channel":"private-x","data":{}}`) // not subscribed
	b.says(`{"event":"client-e","channel":"private-x","data":{}}`)
	r.got = nil
	b.says(`{"event":"client-e","channel":"private-x","data":{}}`) // one too many
	r.notices()
}

func TestNotices_OneCacheMissForManySubscribers(t *testing.T) {
	d := newDesk(t)
	r := d.observes()
	for i := range 50 {
		v := d.visit()
		v.pipelines("%s", v.subscription("cache-x", ""))
		d.settle()
		v.hears(succeeded("cache-x"), miss("cache-x"))
		if i == 0 {
			r.notices("1 occupied cache-x", "1 cache_miss cache-x")
		}
	}
	r.notices()
	d.passes(missSilence)
	d.visit().subscribes("cache-x")
	r.notices("1 cache_miss cache-x")
	// Filled and empty again: the silence is over.
	d.app.CacheTTL = time.Second
	d.publish("cache-x", "1")
	d.visit().subscribes("cache-x")
	r.notices()
	d.passes(time.Second)
	d.visit().subscribes("cache-x")
	r.notices("1 cache_miss cache-x")
}

// A page that is reloaded on an empty cache channel leaves it vacated for a
// moment; that is no reason to tell of the same miss again.
func TestNotices_CacheMissIsRememberedWhileTheChannelIsVacated(t *testing.T) {
	d := newDesk(t)
	r := d.observes()
	for i := range 3 {
		v := d.visit()
		v.subscribes("cache-x")
		if i == 0 {
			r.notices("1 occupied cache-x", "1 cache_miss cache-x")
		} else {
			r.notices("1 occupied cache-x")
		}
		v.leaves()
		r.notices("1 vacated cache-x")
		d.passes(time.Second)
	}
	d.passes(missSilence)
	d.visit().subscribes("cache-x")
	r.notices("1 occupied cache-x", "1 cache_miss cache-x")
}

func TestNotices_CacheMissesOfManyChannels_AreRememberedWithinBounds(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.SubscribesPerSecond = 0 })
	v := d.visit()
	for i := range maxSilences + 10 {
		name := fmt.Sprint("cache-", i)
		v.subscribes(name)
		v.unsubscribes(name)
	}
	kept := 0
	for i := range d.memory().app(&d.app).stripes {
		kept += d.memory().app(&d.app).stripes[i].channels.len()
	}
	if kept != maxSilences {
		t.Errorf("%d channels are kept for a miss, want %d", kept, maxSilences)
	}
	// That is no other app's trouble.
	other := d.app
	other.ID = "2"
	r := d.observes()
	for range 2 {
		w := d.visitApp(&other)
		w.subscribes("cache-x")
		w.leaves()
	}
	r.notices("2 occupied cache-x", "2 cache_miss cache-x", "2 vacated cache-x", "2 occupied cache-x", "2 vacated cache-x")
	v.leaves()
	d.passes(missSilence)
	d.empty()
	if n := d.memory().app(&d.app).silences.Load(); n != 0 {
		t.Errorf("%d are counted", n)
	}
}

func TestNotices_Counts(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true })
	r := d.observes()
	a, b := d.visit(), d.visit()
	a.subscribes("news")
	b.subscribes("news")
	b.subscribes("news")
	r.notices("1 occupied news", "1 count news 1", "1 count news 2")
	b.leaves()
	a.leaves()
	r.notices("1 count news 1", "1 count news 0", "1 vacated news")
	a = d.visit()
	a.joins(room, "u")
	a.unsubscribes(room)
	r.notices("1 occupied presence-room", "1 member_added presence-room user=u", "1 member_removed presence-room user=u", "1 vacated presence-room")
}

func TestNotices_UsersAndWatchersAreNoChannels(t *testing.T) {
	d := newDesk(t)
	r := d.observes()
	a, b := d.visit(), d.visit()
	a.signsIn(`{"id":"7","watchlist":["8"]}`)
	a.subscribes("#server-to-user-7")
	b.signsIn(`{"id":"8"}`)
	d.publish("#server-to-user-7", "1")
	if stats := d.hub.Stats(); len(stats.Apps) != 1 || stats.Apps[0].Channels != 0 || stats.Apps[0].Sockets != 2 {
		t.Errorf("stats %+v", stats.Apps)
	}
	a.leaves()
	b.leaves()
	r.notices()
	d.empty()
}
