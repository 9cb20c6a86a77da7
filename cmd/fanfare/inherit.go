package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"fanfare/config"
	"fanfare/internal/handover"
)

// Names of the listeners that a process passes on to its successor.
const (
	passClients    = "clients"
	passMetrics    = "metrics"
	passAdmin      = "admin"
	passControl    = "control"
	passChallenges = "challenges"
)

// inheritedListeners returns the listeners that the predecessor passed on.
func inheritedListeners(from *handover.Inheritance) passed {
	p := passed{from: from}
	p.clients, p.own = from.Take(passClients)
	p.metrics, _ = from.Take(passMetrics)
	p.admin, _ = from.Take(passAdmin)
	p.control, _ = from.Take(passControl)
	p.challenges, _ = from.Take(passChallenges)
	from.Rest()
	return p
}

// linkPatience is how long a successor waits until it has joined its cluster,
// before it gives up.
const linkPatience = 10 * time.Second

// takeOver waits until the predecessor no longer accepts, if there is one. Before
// it reports that this process is prepared, everything that can fail has been
// tried. The exception is the store of webhooks, which only one process can have
// open.
func (s *server) takeOver(ctx context.Context) error {
	if s.inherits == nil {
		return nil
	}
	linking, cancel := context.WithTimeout(ctx, linkPatience)
	defer cancel()
	for !s.cluster.ready() && linking.Err() == nil {
		pause(linking, 10*time.Millisecond)
	}
	if !s.cluster.ready() {
		return fmt.Errorf("the cluster was not reached within %s: %s", linkPatience, s.cluster.degraded())
	}
	if err := s.inherits.Prepared(ctx); err != nil {
		return err
	}
	if s.given.own {
		removeFile(s.plain)
	}
	if s.control != nil {
		removeFile(s.control.listener)
	}
	if s.opensStoreLater() {
		return s.hooks.OpenStore()
	}
	return nil
}

// opensStoreLater reports whether a predecessor may still have the store of
// webhooks open. A node of a cluster with such a store cannot be handed over.
func (s *server) opensStoreLater() bool {
	return s.given.from != nil && s.started.Cluster.Driver == config.DriverMemory
}

// begin reports that everything runs, to the callers of hasBegun and to the
// predecessor.
func (s *server) begin() {
	close(s.begun)
	if s.inherits != nil {
		s.inherits.Serving()
	}
}

// hasBegun waits until everything runs or ctx is done, and reports whether
// everything runs.
func (s *server) hasBegun(ctx context.Context) bool {
	select {
	case <-s.begun:
		return true
	case <-ctx.Done():
		return false
	}
}

// keepFile keeps the file of a Unix socket when the listener closes; removeFile
// has it removed.
func keepFile(l net.Listener) { setUnlink(l, false) }

func removeFile(l net.Listener) { setUnlink(l, true) }

func setUnlink(l net.Listener, remove bool) {
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(remove)
	}
}
