package cluster

import (
	"testing"
	"time"

	"fanfare/apps"
)

func TestCache_EventIsSentToEachSubscriberOnce(t *testing.T) {
	w := newTown(t, 3)
	a := w.nodes[0].visit()
	a.subscribes("cache-x")
	a.got = nil
	w.nodes[2].publishes("cache-x", "1")
	b := w.nodes[1].visit()
	b.subscribes("cache-x") // while the event is under way
	a.hears(event("cache-x", "1"))
	b.hears(succeeded("cache-x"), event("cache-x", "1"))
	c := w.nodes[0].visit()
	c.subscribes("cache-x")
	c.hears(succeeded("cache-x"), event("cache-x", "1"))
	info, err := infoOf(w, w.nodes[2], "cache-x")
	if err != nil || info.Cached == nil || string(info.Cached.Data) != `"1"` || info.Cached.TTL != w.app.CacheTTL {
		t.Errorf("the channel is %+v, %v", info, err)
	}
	for _, v := range []*visitor{a, b, c} {
		v.leaves()
	}
	w.passes(w.app.CacheTTL)
	w.empty()
}

func TestCache_ExpiredOrNone_IsAMissOnceInAWhile(t *testing.T) {
	w := newTown(t, 1, func(a *apps.App) { a.CacheTTL = 10 * time.Second })
	w.nodes[0].publishes("cache-x", "1")
	w.settle()
	w.passes(11 * time.Second)
	for range 3 {
		v := w.nodes[0].visit()
		v.subscribes("cache-x")
		v.hears(succeeded("cache-x"), `{"event":"pusher:cache_miss","channel":"cache-x","data":"{}"}`)
	}
	misses := 0
	for _, n := range w.nodes[0].notices {
		if n == "miss cache-x" {
			misses++
		}
	}
	if misses != 1 {
		t.Errorf("%d misses were observed", misses)
	}
}

func TestCache_AnsweredWithoutTheLedger_IsSentTheEventLater(t *testing.T) {
	w := newTown(t, 2)
	w.nodes[1].publishes("cache-x", "1")
	w.settle()
	w.nodes[0].cut()
	a := w.nodes[0].visit()
	a.subscribes("cache-x")
	w.passes(2100 * time.Millisecond)
	a.hears(succeeded("cache-x"), `{"event":"pusher:cache_miss","channel":"cache-x","data":"{}"}`)
	w.nodes[0].connect()
	w.settle()
	a.hears(event("cache-x", "1"))
}
