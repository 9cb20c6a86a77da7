package cluster

import (
	"strconv"
	"testing"
	"time"

	"fanfare/apps"
)

func TestSockets_AreThoseOfAllLivingNodes(t *testing.T) {
	w := newTown(t, 3)
	for n, h := range w.nodes {
		for range n + 1 {
			if !h.peer.Admit(&w.app, nil) {
				t.Fatal("a socket of an app without a limit has to wait")
			}
		}
	}
	want := func(sockets ...int) {
		t.Helper()
		for i, n := range sockets {
			if got := w.nodes[i].peer.Sockets(&w.app); got != n {
				t.Errorf("node %d counts %d sockets, want %d", i, got, n)
			}
		}
	}
	w.passes(5 * time.Second)
	want(6, 6, 6)
	other := w.app
	other.ID = "2"
	if n := w.nodes[0].peer.Sockets(&other); n != 0 {
		t.Errorf("another app has %d", n)
	}
	w.nodes[1].peer.Depart(&w.app)
	want(6, 5, 6) // the others have not heard yet
	w.passes(5 * time.Second)
	want(5, 5, 5)
	w.nodes[2].cut()
	w.nodes[2].frozen = true
	w.passes(20 * time.Second)
	want(2, 2)
}

func TestSockets_ABeatTellsOfTheLargestAppsOnly(t *testing.T) {
	w := newTown(t, 2)
	at := func(i int) *apps.App {
		app := w.app
		app.ID = "app" + strconv.Itoa(i)
		return &app
	}
	for i := range 2 * mostTold {
		for range 1 + i%2 {
			w.nodes[0].peer.Admit(at(i), nil)
		}
	}
	w.passes(5 * time.Second)
	for i := range 2 * mostTold {
		want := 0
		if i%2 == 1 {
			want = 2
		}
		if got := w.nodes[1].peer.Sockets(at(i)); got != want {
			t.Fatalf("of app %d the other node counts %d, want %d", i, got, want)
		}
	}
	if about := w.nodes[1].peer.Health().Nodes[0].About; about != "test" {
		t.Errorf("people read %q", about)
	}
}

func TestSaid_PartsAreWhatWasSaid(t *testing.T) {
	for _, s := range []said{{}, {"a", "", "", ""}, {"a", "b", "", ""}, {"a", "", "c", ""}, {"a", "b", "c", ""}, {"a", "", "", "1"}, {"a", "b", "c", "1"}} {
		b := Beat{About: s.text()}
		if got := b.said(); got != s {
			t.Errorf("%q: got %q, want %q", b.About, got, s)
		}
	}
	if got := (&Beat{About: "a\x00b\x00c\x001\x00more"}).said(); got != (said{"a", "b", "c", "1"}) {
		t.Errorf("of another version: %q", got)
	}
}
