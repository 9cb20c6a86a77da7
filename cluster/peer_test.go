package cluster

import (
	"context"
	"testing"
	"time"

	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/testkit/deadline"
)

// linkingEngine connects at once, and tells what the first beat is.
type linkingEngine struct {
	house
	first chan Beat
}

func (e *linkingEngine) Run(ctx context.Context, up Upcalls) error {
	up.Up(0)
	<-ctx.Done()
	return ctx.Err()
}

// Listen is called if the node's own feed is in the partition that is up.
func (e *linkingEngine) Listen(Partition, ledger.Node) {}

func (e *linkingEngine) Beat(b Beat) {
	select {
	case e.first <- b:
	default:
	}
}

func TestRun_TheFirstBeat_SaysWhatTheNodeIs(t *testing.T) {
	e := &linkingEngine{first: make(chan Beat, 1)}
	hub := channels.New(channels.Config{Cluster: func(n channels.Node) channels.Cluster {
		return NewPeer(n, Config{About: func() string { return "web-1" }}, e)
	}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	select {
	case b := <-e.first:
		if b.About != "web-1" {
			t.Errorf("it says %q", b.About)
		}
	case <-time.After(deadline.Long):
		t.Error("no beat")
	}
	cancel()
	<-ended
}
