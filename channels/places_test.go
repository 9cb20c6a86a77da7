package channels

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"fanfare/apps"
)

// Sockets come to and go from more channels than are looked through one by one,
// in every order: each hears what is published where it is, and nothing else.
func TestPlaces_OnManyChannels_EachHearsItsOwn(t *testing.T) {
	for seed := range uint64(10) {
		d := newDesk(t, func(a *apps.App) { a.Limits.SubscribesPerSecond = 0 })
		random := rand.New(rand.NewPCG(seed, 1))
		const names, sockets = 80, 6
		var all [sockets]*visitor
		var on [sockets]map[string]bool
		for i := range all {
			all[i], on[i] = d.visit(), map[string]bool{}
		}
		for step := range 4000 {
			i, name := random.IntN(sockets), fmt.Sprint("c", random.IntN(names))
			switch many := step/1000%2 == 0; {
			case random.IntN(200) == 0:
				all[i].leaves()
				all[i], on[i] = d.visit(), map[string]bool{}
			case many == (random.IntN(4) > 0):
				all[i].subscribes(name)
				on[i][name] = true
			default:
				all[i].unsubscribes(name)
				delete(on[i], name)
			}
			forget(all[:]...)
			d.publish(name, "1")
			for k, v := range all {
				if want := on[k][name]; want != (len(v.got) == 1) {
					t.Fatalf("seed %d, step %d: a socket on %d channels heard %q of %s, it is on it: %v", seed, step, len(on[k]), v.got, name, want)
				}
				if len(v.places) != len(on[k]) || (v.finder != nil) != (len(v.places) > few) && len(v.places) <= few/2 {
					t.Fatalf("%d places for %d channels, finder: %v", len(v.places), len(on[k]), v.finder != nil)
				}
			}
			forget(all[:]...)
		}
		for _, v := range all {
			v.leaves()
		}
		d.empty()
	}
}

// Whether a socket with a thousand channels is on one takes a look at a few of
// them, not at all.
func TestFinder_LooksAtFew(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	for i := range 1000 {
		v.subscribes(fmt.Sprint("channel-", i))
	}
	slots := v.finder.slots
	looks := 0
	const strangers = 1000
	for i := range strangers {
		for at := home(hashOf(fmt.Sprint("stranger-", i)), len(slots)); slots[at] != 0; at = next(at, len(slots)) {
			looks++
		}
	}
	if looks > 12*strangers {
		t.Errorf("%d looks for %d names", looks, strangers)
	}
	if len(slots) > 2048 {
		t.Errorf("%d slots for 1000 channels", len(slots))
	}
}

// BenchmarkUnsubscribe_NotThere is what a socket can do with no answer to wait
// for.
func BenchmarkUnsubscribe_NotThere(b *testing.B) {
	for _, n := range []int{1, 20, 1000} {
		b.Run(fmt.Sprintf("subs=%d", n), func(b *testing.B) {
			d := newDesk(b)
			s := &sink{}
			if refusal := s.Open(d.hub, &d.app, d.loops[0], s); refusal != nil {
				b.Fatal(refusal)
			}
			for i := range n {
				s.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"channel":"channel-%04d"}}`, i))
			}
			d.settle()
			message := []byte(`{"event":"pusher:unsubscribe","data":{"channel":"channel-none"}}`)
			b.ReportAllocs()
			for b.Loop() {
				s.Receive(message)
			}
		})
	}
}
