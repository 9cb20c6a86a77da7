package cluster

import (
	"math"
	"strconv"
	"testing"
	"time"

	"fanfare/apps"
)

// wants has callers publish so many events a second on each node, for longer than
// it takes nodes to hear of that, and returns
// what the nodes may accept.
func (w *town) wants(perSecond ...int) (shares []float64) {
	for range 70 {
		for i, h := range w.nodes[:len(perSecond)] {
			h.peer.EventShare(&w.app, perSecond[i]/10)
		}
		w.passes(100 * time.Millisecond)
	}
	for _, h := range w.nodes[:len(perSecond)] {
		shares = append(shares, math.Round(h.peer.EventShare(&w.app, 0)))
	}
	return shares
}

func wantShares(t *testing.T, got []float64, want ...float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 0.06*want[i]+1 { // seconds do not end with beats
			t.Fatalf("the nodes may accept %v events a second, want about %v", got, want)
		}
	}
}

func TestEventShare_IsDividedAsItIsWanted(t *testing.T) {
	w := newTown(t, 2, func(a *apps.App) { a.Limits.EventsPerSecond = 1000 })
	wantShares(t, w.wants(0, 0), 500, 500)
	wantShares(t, w.wants(3000, 1000), 750, 250)
	wantShares(t, w.wants(5000, 0), 1000, 63)  // a sixteenth, for who comes next
	wantShares(t, w.wants(100, 300), 400, 600) // the rest in equal parts
	wantShares(t, w.wants(0, 0), 500, 500)
}

func TestEventShare_AloneOrOfADeadNode_IsTheWholeLimit(t *testing.T) {
	w := newTown(t, 2, func(a *apps.App) { a.Limits.EventsPerSecond = 1000 })
	wantShares(t, w.wants(2000, 2000), 500, 500)
	w.nodes[1].cut()
	w.nodes[1].frozen = true
	w.passes(15 * time.Second)
	wantShares(t, w.wants(2000), 1000)
}

// While the engine is away the last shares count.
func TestEventShare_Away_StaysAsItWas(t *testing.T) {
	w := newTown(t, 2, func(a *apps.App) { a.Limits.EventsPerSecond = 1000 })
	wantShares(t, w.wants(3000, 1000), 750, 250)
	for _, h := range w.nodes {
		h.cut()
	}
	wantShares(t, w.wants(3000, 3000), 750, 250)
}

func TestEventShare_ABeatTellsOfTheBusiestOnly(t *testing.T) {
	w := newTown(t, 1)
	app := w.app
	app.Limits.EventsPerSecond = 1000
	p := w.nodes[0].peer
	for i := range 3 * mostTold {
		app.ID = strconv.Itoa(i)
		p.EventShare(&app, 10+i)
	}
	w.passes(3 * time.Second)
	own := p.rates.shared.Load().own
	if len(own) != mostTold || own["299"] == 0 || own["200"] == 0 || own["199"] != 0 {
		t.Errorf("%d are told: %v", len(own), own)
	}
	w.passes(5 * time.Second)
	p.rates.wanted.Range(func(id, _ any) bool {
		t.Errorf("%v is counted still", id)
		return true
	})
	if about := p.Health().Nodes[0].About; about != "test" {
		t.Errorf("people read %q", about)
	}
}
