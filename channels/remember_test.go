package channels

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

func TestCache_PublishedToNobody_IsKeptForThirtyMinutes(t *testing.T) {
	d := newDesk(t)
	d.publish("cache-x", "1")
	d.passes(29 * time.Minute)
	v := d.visit()
	v.subscribes("cache-x")
	v.hears(succeeded("cache-x"), event("cache-x", "1"))
	v.leaves()
	d.passes(2 * time.Minute)
	d.empty() // the event's time is over
	v = d.visit()
	v.subscribes("cache-x")
	v.hears(succeeded("cache-x"), miss("cache-x"))
	v.leaves()
	d.passes(missSilence)
	d.empty()
}

func TestCache_NewerEvent_LivesItsOwnTime(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.CacheTTL = time.Minute })
	d.publish("cache-x", "1")
	d.passes(40 * time.Second)
	d.publish("cache-x", "2")
	d.passes(40 * time.Second) // the first would be over
	info, err := d.hub.Channel(t.Context(), &d.app, "cache-x")
	mustNotFail(t, err)
	if info.Sockets != 0 || info.Cached == nil || string(info.Cached.Data) != `"2"` || info.Cached.TTL != 20*time.Second {
		t.Errorf("described as %+v, cached %+v", info, info.Cached)
	}
	d.passes(20 * time.Second)
	if info, _ = d.hub.Channel(t.Context(), &d.app, "cache-x"); info.Cached != nil {
		t.Errorf("still cached: %+v", info.Cached)
	}
	d.empty()
}

func TestCache_ExpiredUnderASubscriber_ChannelStays(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.CacheTTL = time.Minute })
	v := d.visit()
	v.subscribes("cache-x")
	d.publish("cache-x", "1")
	d.passes(time.Hour)
	forget(v)
	d.publish("cache-x", "2")
	v.hears(event("cache-x", "2"))
	v.subscribes("cache-x")
	v.hears(succeeded("cache-x"), event("cache-x", "2"))
	v.leaves()
	d.passes(time.Minute)
	d.empty()
}

func TestCache_OfABatch_TheLast_ExcludedSocketOrNot(t *testing.T) {
	d := newDesk(t)
	publisher, late := d.visit(), d.visit()
	publisher.subscribes("cache-x")
	forget(publisher)
	mustNotFail(t, d.hub.PublishBatch(t.Context(), &d.app, []pusherproto.Event{
		{Name: "e", Channels: []string{"cache-x"}, Data: []byte(`"1"`)},
		{Name: "e", Channels: []string{"other", "cache-x"}, Data: []byte(`"2"`), SocketID: publisher.ID()},
	}))
	d.settle()
	publisher.hears(event("cache-x", "1"))
	late.subscribes("cache-x")
	late.hears(succeeded("cache-x"), event("cache-x", "2"))
	publisher.subscribes("cache-x") // it is not news but the channel's state
	publisher.hears(succeeded("cache-x"), event("cache-x", "2"))
}

func TestCache_EventIsRepeatedAsFirstSent(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxEventBytes = 1 << 20 })
	data := []byte(`"\u00e9\"` + strings.Repeat("x", 500_000) + `\ud83d\ude00"`)
	want := `{"event":"an event","channel":"private-encrypted-cache-x","data":` + string(data) + `}`
	ev := pusherproto.Event{Name: "an event", Channels: []string{"private-encrypted-cache-x"}, Data: data}
	mustNotFail(t, d.hub.Publish(t.Context(), &d.app, ev))
	literal := string(data)
	for i := range data { // a request's buffer is used again
		data[i] = '!'
	}
	v := d.visit()
	v.subscribes("private-encrypted-cache-x")
	v.hears(succeeded("private-encrypted-cache-x"), want)
	info, err := d.hub.Channel(t.Context(), &d.app, "private-encrypted-cache-x")
	if mustNotFail(t, err); info.Cached == nil || string(info.Cached.Data) != literal {
		t.Error("the remembered data is not what was published")
	}
}

func TestCache_PresenceCache_ListThenEventThenLive(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true })
	const channel = "presence-cache-x"
	a, b := d.visit(), d.visit()
	a.joins(channel, "a")
	a.hears(listed(channel, "a", "null"), miss(channel))
	d.publish(channel, "1")
	a.hears(event(channel, "1"))
	b.pipelines("%s", b.subscription(channel, `{"user_id":"b"}`))
	d.publish(channel, "2")
	b.hears(listed(channel, "a", "null", "b", "null"), event(channel, "1"), event(channel, "2"))
	a.hears(memberAdded(channel, "b", ""), event(channel, "2"))
}

func TestCache_ClientEventsMembersAndCounts_AreNotStored(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true })
	d.publish("private-cache-x", "stored")
	a, b := d.visit(), d.visit()
	a.subscribes("private-cache-x")
	a.says(`{"event":"client-e","channel":"private-cache-x","data":"live"}`)
	a.says(`{"event":"client-e","channel":"private-cache-x","data":"%s"}`, strings.Repeat("x", 10241))
	b.subscribes("private-cache-x")
	b.hearsPart(succeeded("private-cache-x"))
	b.hears(event("private-cache-x", "stored"), counted("private-cache-x", 2))
}

func TestCache_OrdinaryChannels_RememberNothing(t *testing.T) {
	d := newDesk(t)
	for _, channel := range []string{"news", "my-cache-x", "private-my-cache-x", "cached"} {
		d.publish(channel, "1")
		v := d.visit()
		v.subscribes(channel)
		v.hears(succeeded(channel))
		v.leaves()
	}
	d.empty()
}

func TestCache_Occupancy_IsOfSubscribersAlone(t *testing.T) {
	d := newDesk(t)
	d.publish("cache-x", "1")
	if list, _ := d.hub.Channels(t.Context(), &d.app, ""); len(list) != 0 {
		t.Errorf("without a subscriber: %+v", list)
	}
	v := d.visit()
	v.subscribes("cache-x")
	list, err := d.hub.Channels(t.Context(), &d.app, "cache-")
	if mustNotFail(t, err); len(list) != 1 || list[0].Sockets != 1 || list[0].Cached == nil {
		t.Errorf("with one: %+v", list)
	}
}

func TestCache_OverItsBytes_TheOldestAreForgotten(t *testing.T) {
	const most = 3_000_000
	d := newDesk(t, func(a *apps.App) { a.CacheTTL, a.Limits.MaxCachedBytes = time.Minute, most })
	v := d.visit()
	v.subscribes("cache-0")
	data := strings.Repeat("x", 1000)
	const events = 5000
	for i := range events {
		d.publish(fmt.Sprint("cache-", i), data)
		d.publish(fmt.Sprint("cache-", i), data) // in place of the first
	}
	if n := d.hub.Account(&d.app).BytesOf(account.Cache); n > most || n < most*9/10 {
		t.Errorf("%d bytes are remembered, %d may be", n, most)
	}
	if n := len(d.memory().schedule.due); n > stripes+1 { // one is of the miss that v's subscription was
		t.Errorf("%d deadlines wait", n)
	}
	remembered := func(i int) bool {
		info, err := d.hub.Channel(t.Context(), &d.app, fmt.Sprint("cache-", i))
		mustNotFail(t, err)
		return info.Cached != nil
	}
	oldest, newest := 0, 0
	for i := range 100 {
		if remembered(i) {
			oldest++
		}
		if remembered(events - 1 - i) {
			newest++
		}
	}
	if oldest != 0 || newest != 100 {
		t.Errorf("of the oldest 100 %d are remembered, of the newest %d", oldest, newest)
	}
	forget(v)
	v.subscribes("cache-0")
	v.hears(succeeded("cache-0"), miss("cache-0"))
	v.leaves()
	d.passes(time.Minute)
	d.empty()
}

// However much an app publishes, it does not fill the memory: what it remembers
// leaves room for sockets, and for what other apps remember.
func TestCache_WithAMemoryLimit_LeavesRoomForOthers(t *testing.T) {
	const most = 16 << 20
	d := newDesk(t)
	all := d.hub.Account(&d.app).Whole()
	all.SetMost(most)
	data := strings.Repeat("x", 10_000)
	for i := range 2 * most / len(data) {
		d.publish(fmt.Sprint("cache-", i), data)
		if n := all.BytesOf(account.Cache); n > most/2 {
			t.Fatalf("%d bytes are remembered of %d that may be held", n, most)
		}
	}
	if n := all.BytesOf(account.Cache); n < most/5 {
		t.Errorf("%d bytes are remembered, the app may have a quarter of %d", n, most)
	}
	if all.Full() {
		t.Error("the memory is full")
	}
	other := d.app
	other.ID = "other"
	const events = 100
	for i := range events {
		channel := fmt.Sprint("cache-", i)
		mustNotFail(t, d.hub.Publish(t.Context(), &other, pusherproto.Event{Name: "e", Channels: []string{channel}, Data: pusherproto.AppendString(nil, data)}))
	}
	if n := d.hub.Account(&other).Count(account.Cache); n != events {
		t.Errorf("of %d events of another app %d are remembered", events, n)
	}
}

func TestCache_LargerThanTheLimit_TheLastEventIsKept(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxCachedBytes = 1 })
	d.publish("cache-x", "1")
	d.publish("cache-x", "2")
	v := d.visit()
	v.subscribes("cache-x")
	v.hears(succeeded("cache-x"), event("cache-x", "2"))
}

func TestCache_KeptForLessTimeAfterAReload_IsNotToldWhenItIsOver(t *testing.T) {
	d := newDesk(t)
	d.app.CacheTTL = time.Hour
	d.publish("cache-x", "long")
	d.app.CacheTTL = time.Minute
	for i := range 2 * stripes { // some in the same stripe
		d.publish(fmt.Sprint("cache-", i), "short")
	}
	d.passes(time.Minute)
	v := d.visit()
	for i := range 2 * stripes {
		name := fmt.Sprint("cache-", i)
		v.subscribes(name)
		v.hears(succeeded(name), miss(name))
	}
	v.subscribes("cache-x")
	v.hears(succeeded("cache-x"), event("cache-x", "long"))
	v.leaves()
	d.passes(time.Hour)
	d.empty()
}
