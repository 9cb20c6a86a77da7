package cluster

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestGather_WhatClientsSendGoesOnTogether_WhenThisNodeHasHeard(t *testing.T) {
	w := newTown(t, 2)
	w.nodes[0].peer.cfg.Gather = time.Hour
	a, beside, b := w.nodes[0].visit(), w.nodes[0].visit(), w.nodes[1].visit()
	for _, v := range []*visitor{a, beside, b} {
		v.subscribes("private-x")
		v.hears(succeeded("private-x"))
	}
	var said []string
	for n := range 3 {
		said = append(said, fmt.Sprintf(`{"event":"client-e","channel":"private-x","data":%d}`, n))
		a.says("%s", said[n])
	}
	beside.hears(said...)
	b.hears()
	before := w.nodes[0].peer.Health().RoundTrips
	w.nodes[0].peer.sendGathered()
	w.settle()
	b.hears(said...)
	if n := w.nodes[0].peer.Health().RoundTrips - before; n != 1 {
		t.Errorf("it took %d round trips", n)
	}
}

// quiet is an engine that does nothing.
type quiet struct{ Engine }

func (quiet) Run(ctx context.Context, _ Upcalls) error { <-ctx.Done(); return nil }

func (quiet) Beat(Beat) {}

func TestGather_IsOverAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPeer(nil, Config{}, quiet{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		for range 2 {
			p.gathered.add(3, time.Millisecond)
			p.gathered.add(5, time.Millisecond)
			if p.gathered.partitions.Load() == 0 {
				t.Error("nothing is gathered")
			}
			time.Sleep(2 * time.Millisecond)
			synctest.Wait()
			if p.gathered.partitions.Load() != 0 {
				t.Error("it was not sent after its time")
			}
		}
		cancel()
		<-ended
	})
}
