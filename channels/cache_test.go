package channels

import (
	"fmt"
	"testing"
	"time"

	"fanfare/apps"
)

func miss(channel string) string {
	return `{"event":"pusher:cache_miss","channel":"` + channel + `","data":"{}"}`
}

func TestCache_TheLastEventFollowsSucceeded(t *testing.T) {
	d := newDesk(t)
	early := d.visit()
	early.subscribes("cache-x")
	early.hears(succeeded("cache-x"), miss("cache-x"))
	d.publish("cache-x", "1")
	d.publish("cache-x", "2")
	late := d.visit()
	late.subscribes("cache-x")
	late.hears(succeeded("cache-x"), event("cache-x", "2"))
	late.subscribes("cache-x") // again: the same again
	late.hears(succeeded("cache-x"), event("cache-x", "2"))
	early.hears(event("cache-x", "1"), event("cache-x", "2"))
}

func TestCache_SubscribingWhileAnEventIsPublished_HasItOnce(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	d.publish("cache-x", "1")
	v.pipelines("%s", v.subscription("cache-x", "")) // answered, not yet arrived
	d.publish("cache-x", "2")
	v.hears(succeeded("cache-x"), event("cache-x", "1"), event("cache-x", "2"))
}

func TestCache_Expires(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.CacheTTL = time.Minute })
	d.publish("cache-x", "1")
	d.now = d.now.Add(59 * time.Second)
	v := d.visit()
	v.subscribes("cache-x")
	v.hears(succeeded("cache-x"), event("cache-x", "1"))
	info, _ := d.hub.Channel(t.Context(), &d.app, "cache-x")
	if info.Cached == nil || info.Cached.TTL != time.Second || string(info.Cached.Data) != `"1"` {
		t.Errorf("cached %+v", info.Cached)
	}
	d.now = d.now.Add(time.Second)
	v = d.visit()
	v.subscribes("cache-x")
	v.hears(succeeded("cache-x"), miss("cache-x"))
}

func TestCache_ClientEventsAndMembersAreNotKept(t *testing.T) {
	d := newDesk(t)
	a, b := d.visit(), d.visit()
	a.joins("presence-cache-x", "a")
	a.says(`{"event":"client-e","channel":"presence-cache-x","data":1}`)
	b.joins("presence-cache-x", "b")
	b.hearsPart("subscription_succeeded")
	b.hears(miss("presence-cache-x"))
}

func TestCount_UpToAHundredEveryChange(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true })
	count := func(n int) string {
		return fmt.Sprintf(`{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":%d}"}`, n)
	}
	a, b := d.visit(), d.visit()
	a.subscribes("news")
	a.hears(succeeded("news"), count(1))
	b.subscribes("news")
	b.hears(succeeded("news"), count(2))
	b.leaves()
	a.hears(count(2), count(1))
	for range 99 {
		d.visit().subscribes("news")
	}
	a.got = nil
	d.visit().subscribes("news") // the 101st: throttled
	a.hears()
	d.now = d.now.Add(countInterval)
	d.hub.cluster.(*memory).schedule.runDue()
	d.settle()
	a.hears(count(101))
}

func TestCount_NeverOnPresence(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true })
	a := d.visit()
	a.joins(room, "a")
	a.hearsPart("subscription_succeeded")
	a.hears()
}
