package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fanfare/config"
)

// answerPatience is how long closeWeb waits until requests that have partly
// arrived are complete and answered, and then until the refusals of the others are
// sent. leaveListener waits as long for the last requests.
const answerPatience = 250 * time.Millisecond

const (
	// movePatience is the minimum time that clients have to subscribe on other
	// nodes, before this node leaves its cluster. Clients that were closed with
	// 4100 reconnect only after a second.
	movePatience = 2 * time.Second
	// memberPatience is the maximum time. It applies while a member of a presence
	// channel is on no other node yet: the cluster would report this member as
	// removed.
	memberPatience = 6 * time.Second
)

// drain ends the server's work. First /readyz reports that the server is not
// ready. After shutdown.delay the API refuses requests.
//
// With a successor, the sockets close in waves, so that their clients reconnect to
// the successor. The listener closes after the last wave.
//
// Without a successor, no process can serve the clients before this one has ended.
// Sessions end and webhooks are sent while the connections stay open. Then all
// clients are closed at once. The listener answers until then, because pusher-js
// waits fifteen seconds where nobody listens.
//
// A node leaves its cluster last, after its clients had time to subscribe on other
// nodes. run closes the listener of the metrics after the drain.
func (s *server) drain() error { return s.drainAs(s.shutdown(), false) }

// drainAs is drain with cfg instead of the configured values. handedOver says that
// another process already serves on the listener.
func (s *server) drainAs(cfg config.Shutdown, handedOver bool) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Timeout)
	defer cancel()
	s.log.Info("draining", slog.Int("sockets", s.sockets.Sockets()), slog.Bool("successor", cfg.Successor))

	s.ready.Store(false)
	pause(ctx, cfg.Delay)
	s.draining.Store(true)
	s.cluster.drain()
	moving := s.sockets.Sockets() // some may have come during the delay

	var err error
	if cfg.Successor {
		err = s.sockets.Drain(ctx, cfg.Spread)
		if err == nil && handedOver {
			err = s.dismiss(ctx) // clients that connected meanwhile
		}
		err = s.leftOpen(err, cfg.Timeout)
		err = errors.Join(err, s.closeWeb(), s.drainWebhooks(ctx))
	} else {
		err = s.leftOpen(s.sockets.Quiesce(ctx), cfg.Timeout)
		err = errors.Join(err, s.drainWebhooks(ctx))
		s.sockets.Release()
		err = errors.Join(err, s.closeWeb())
	}
	if s.cluster != nil {
		if moving > 0 {
			s.waitForMoves(ctx)
		}
		s.cluster.bye()
	}
	s.log.Info("drained", slog.Duration("took", time.Since(began).Round(time.Millisecond)))
	return err
}

// shutdown returns the shutdown settings in force.
func (s *server) shutdown() config.Shutdown {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	return s.cfg.Shutdown
}

// waitForMoves gives the clients time to subscribe on other nodes. It waits only
// while the cluster has another node that stays; otherwise the clients reconnect
// to the processes that start next.
func (s *server) waitForMoves(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, memberPatience)
	defer cancel()
	peer, began := s.cluster.peer, time.Now()
	if hasOthers(peer.Health()) {
		s.log.Info("waiting until the clients are on other nodes", slog.Duration("least", movePatience), slog.Duration("most", memberPatience))
	}
	for ctx.Err() == nil && hasOthers(peer.Health()) && (time.Since(began) < movePatience || peer.Stranded()) {
		pause(ctx, 50*time.Millisecond)
	}
}

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// leftOpen adds the number of open sockets to the error of a drain that did not
// end in time.
func (s *server) leftOpen(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%d sockets were still open after %s: %w", s.sockets.Sockets(), after, err)
}

// drainWebhooks sends the webhooks that are queued when the last session has
// ended. In a cluster it stops memberPatience before the deadline, to leave time
// for waitForMoves. The cluster's outbox keeps what is not sent.
func (s *server) drainWebhooks(ctx context.Context) error {
	if s.hooks == nil {
		return nil
	}
	if end, ok := ctx.Deadline(); ok && s.cluster != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-memberPatience))
		defer cancel()
	}
	return s.hooks.Drain(ctx)
}

// closeWeb closes the listener and ends the connections that are no sockets.
// Requests that have partly arrived get answerPatience to become complete. Then
// incomplete requests are refused. What is still open after that is cut off.
func (s *server) closeWeb() error {
	ctx, cancel := context.WithTimeout(context.Background(), answerPatience)
	defer cancel()
	s.web.Stop()
	finished := make(chan bool, 1)
	go func() { finished <- s.web.Finish(ctx) }()
	err := s.sockets.Conclude(ctx)
	if <-finished {
		return errors.Join(err, s.web.Close())
	}
	s.log.Warn("incomplete requests are refused")
	s.api.Conclude()
	last, cancel := context.WithTimeout(context.Background(), answerPatience)
	defer cancel()
	if !s.web.Finish(last) {
		s.log.Warn("incomplete requests are cut off")
	}
	return errors.Join(err, s.web.Close())
}
