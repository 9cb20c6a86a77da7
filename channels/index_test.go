package channels

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// living is how much memory is in use.
func living() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestIndex_FindsWhatIsThere_WhateverCameAndWent(t *testing.T) {
	var x index[int]
	const n = 1000
	for i := range n {
		x.set(fmt.Sprint(i), i+1)
	}
	for i := range n {
		x.remove(fmt.Sprint(i))
		x.remove("none")
		for _, k := range []int{i, i + 1, n - 1} {
			want := k + 1
			if k <= i || k >= n {
				want = 0
			}
			if got := x.get(fmt.Sprint(k)); got != want || len(x.entries) != n-1-i {
				t.Fatalf("%d of %d found, %d of %d are left", got, want, len(x.entries), n-1-i)
			}
		}
	}
	if x.entries != nil {
		t.Error("the empty map was kept")
	}
}

// Memory comes back after a storm also where somebody stays.
func TestStorm_SomeStay_MemoryReturns(t *testing.T) {
	const many, stay, most = 5_000, 50, 100_000 // bytes that may be left
	d := newDesk(t, func(a *apps.App) {
		a.Limits.MaxSubscriptions, a.Limits.MaxPresenceMembers, a.CacheTTL = 2*many, 0, time.Minute
	})
	v := d.visit()
	p := &Presence{}
	for name, storm := range map[string]struct{ comes, goes func(i int) }{
		"channels": {
			func(i int) { v.subscribes(fmt.Sprint(i)) },
			func(i int) { v.unsubscribes(fmt.Sprint(i)) },
		},
		"cached events": {
			func(i int) { d.publish(fmt.Sprint("cache-", i), "1") },
			func(i int) {
				if i == stay {
					d.now = d.now.Add(59 * time.Second)
					for k := range stay {
						d.publish(fmt.Sprint("cache-", k), "2")
					}
					d.passes(time.Second)
				}
			},
		},
		"users": {
			func(i int) { d.memory().SignIn(SignIn{App: &d.app, UserID: fmt.Sprint(i)}, func(SignedIn) {}) },
			func(i int) { d.memory().SignOut(&d.app, fmt.Sprint(i)) },
		},
		"members": {
			func(i int) { p.Add(pusherproto.Member{UserID: fmt.Sprint(i)}) },
			func(i int) { p.Remove(fmt.Sprint(i)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range stay {
				storm.comes(i)
			}
			forget(v)
			before := living()
			for i := stay; i < many; i++ {
				storm.comes(i)
			}
			for i := stay; i < many; i++ {
				storm.goes(i)
			}
			forget(v)
			if left := living() - before; left > most {
				t.Errorf("%d bytes are left", left)
			}
		})
	}
	runtime.KeepAlive(p)
}
