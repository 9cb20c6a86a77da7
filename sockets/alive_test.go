package sockets

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fanfare/channels"
)

// A server lives while all of its loops turn.
func TestAlive_OneLoopStandsStill(t *testing.T) {
	h := start(t, Config{Loops: 3}, nil)
	within, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.server.Alive(within); err != nil {
		t.Error(err)
	}
	stands, goOn := make(chan struct{}), make(chan struct{})
	h.server.loops[1].Post(channels.Call(func() { close(stands); <-goOn }))
	<-stands
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.server.Alive(short); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "of 3 event loops did not respond in time") {
		t.Errorf("one loop stands still: %v", err)
	}
	close(goOn)
	if err := h.server.Alive(within); err != nil {
		t.Error(err)
	}
}
