package channels

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
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

type numbered struct {
	name string
	hash uint32
}

func (n *numbered) label() (string, uint32) { return n.name, n.hash }

// Against a map, with hashes that are good and with ones that collide, in a
// table that grows and shrinks.
func TestIndex_FindsWhatIsThere_WhateverCameAndWent(t *testing.T) {
	for _, spread := range []uint32{1<<32 - 1, 1<<26 - 1, 7, 0} {
		var x index[*numbered]
		there := map[string]*numbered{}
		random := rand.New(rand.NewPCG(uint64(spread), 1))
		for step := range 20_000 {
			name := fmt.Sprint(random.IntN(300))
			hash := hashOf(name) & spread
			switch grows := step/2000%2 == 0; {
			case there[name] == nil && (grows || random.IntN(4) == 0):
				there[name] = &numbered{name, hash}
				x.add(there[name])
			case there[name] == nil || !grows || random.IntN(4) == 0:
				delete(there, name)
				x.remove(name, hash)
			}
			asked := fmt.Sprint(random.IntN(300))
			if got := x.get(asked, hashOf(asked)&spread); got != there[asked] || x.len() != len(there) {
				t.Fatalf("step %d: %q is %v, want %v; %d of %d", step, asked, got, there[asked], x.len(), len(there))
			}
		}
		for n := range x.all {
			if there[n.name] != n {
				t.Errorf("%q is yielded and not there", n.name)
			}
			delete(there, n.name)
		}
		if len(there) != 0 {
			t.Errorf("%d are not yielded", len(there))
		}
		for _, n := range slices.Collect(x.all) {
			x.remove(n.name, n.hash)
		}
		if x.table != nil {
			t.Error("the empty table was kept")
		}
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
			func(i int) { d.memory().SignOut(SignOut{App: &d.app, UserID: fmt.Sprint(i)}) },
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
