package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
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

// One node heard the event, another learned of it later, a third asks the ledger:
// all forget it in one moment, whenever the ledger ticks.
func TestCache_AllNodesCountFromOneMoment(t *testing.T) {
	for offset := range 10 {
		w := newTown(t, 3, func(a *apps.App) { a.CacheTTL = 10 * time.Second })
		w.nodes[0].visit().subscribes("cache-x")
		w.passes(2*time.Second + time.Duration(offset)*100*time.Millisecond)
		w.nodes[2].publishes("cache-x", "1")
		w.settle()
		w.passes(300 * time.Millisecond)
		w.nodes[1].visit().subscribes("cache-x")
		w.settle()
		for left := 9700 * time.Millisecond; left >= 0; left -= turnEvery {
			for i, h := range w.nodes {
				got := time.Duration(0)
				if c := described(w, h, "cache-x").Cached; c != nil {
					got = c.TTL
				}
				if got != left {
					t.Fatalf("published %d00 ms behind a second: node %d says that %v is left, want %v", offset, i, got, left)
				}
			}
			w.passes(turnEvery)
		}
	}
}

// described is what a node answers of a channel: from its replica, or by the ledger.
func described(w *town, h *house, name string) channels.ChannelInfo {
	var info channels.ChannelInfo
	if !h.peer.watched(&w.app, name, func(s *subject) { info.Cached = s.cached.describe(w.now) }) {
		info, _ = infoOf(w, h, name)
	}
	return info
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

func TestCache_EngineForgets_WhoWatchesRemindsIt(t *testing.T) {
	w := newTown(t, 3)
	a, b := w.nodes[0].visit(), w.nodes[1].visit()
	a.subscribes("cache-x")
	b.subscribes("cache-x")
	w.nodes[2].publishes("cache-x", "1")
	w.passes(time.Minute)
	a.got, b.got = nil, nil
	w.wipe()
	w.passes(5 * time.Second) // each node notices by what it is answered
	a.hears()
	b.hears()
	c := w.nodes[2].visit()
	c.subscribes("cache-x")
	c.hears(succeeded("cache-x"), event("cache-x", "1"))
	info, err := infoOf(w, w.nodes[2], "cache-x")
	if left := w.app.CacheTTL - time.Minute; err != nil || info.Cached == nil || info.Cached.TTL > left || info.Cached.TTL < left-10*time.Second {
		t.Errorf("the channel is %+v, %v", info, err)
	}
	w.passes(w.app.CacheTTL)
	d := w.nodes[0].visit()
	d.subscribes("cache-x")
	d.hears(succeeded("cache-x"), `{"event":"pusher:cache_miss","channel":"cache-x","data":"{}"}`)
}

func TestCache_ReplicasKeepToTheLimitOfBytes(t *testing.T) {
	const most = 3000
	w := newTown(t, 2, func(a *apps.App) { a.Limits.MaxCachedBytes = most })
	a := w.nodes[0].visit()
	first := -1
	for i := range 200 {
		name := fmt.Sprint("cache-", i)
		if p := int(PartitionOf(ledger.Subject{Kind: ledger.Channel, App: "1", Name: name})); first < 0 {
			first = p
		} else if p != first {
			continue
		}
		a.subscribes(name)
		w.nodes[1].publishes(name, strings.Repeat("x", 900))
		w.settle()
	}
	held := w.nodes[0].hub.Account(&w.app)
	if n, bytes := held.Count(account.Cache), held.BytesOf(account.Cache); n != 2 || bytes > most {
		t.Errorf("%d events of %d bytes are kept", n, bytes)
	}
	a.leaves()
	w.passes(w.app.CacheTTL)
	w.empty()
}
