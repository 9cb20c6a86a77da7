package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fanfare/config"
)

// answerPatience is how long a request may take to become whole and to be
// answered when the listener is closed, and how long a refusal may take to leave
// for those that are not.
const answerPatience = 250 * time.Millisecond

// movePatience is how long clients that were told to go elsewhere have to be
// subscribed there, before the cluster hears that they are here no more. Those
// that were closed with 4100 wait for a second of it. As long as one of them was
// a member of a presence channel and is on no other node yet, they have
// memberPatience: who is slow is not told as gone. Where no node stays, none
// waits: clients come back to the processes that follow.
const (
	movePatience   = 2 * time.Second
	memberPatience = 6 * time.Second
)

// drain ends the server's work in the order in which others notice: readiness
// goes first, then the API refuses. With a successor the sockets leave for it
// in waves, and the listener closes behind the last. Without one, nobody can
// serve them before the process has ended: sessions end and webhooks are sent
// while the connections stay open, and then all clients are closed at
// once. The listener answers up to then, since pusher-js tries again after
// fifteen seconds where nobody listens. Metrics stay up to the end. Of a cluster
// the node takes leave last, when those who were on it are on others.
func (s *server) drain() error { return s.drainAs(s.shutdown(), false) }

// drainAs is drain in another way than is configured. Another process may have the
// listener already.
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
			err = s.dismiss(ctx) // who comes last
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

// shutdown is how to end, as configured now.
func (s *server) shutdown() config.Shutdown {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	return s.cfg.Shutdown
}

// waitForMoves waits until the clients are on other nodes, while there is one
// that stays.
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

// pause waits for a time, or until ctx is done.
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

// leftOpen words the error of a drain that did not end in time.
func (s *server) leftOpen(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%d sockets were still open after %s: %w", s.sockets.Sockets(), after, err)
}

// drainWebhooks sends what the end of the last session left to be sent. In a
// cluster members need time after it, and the outbox keeps what is left.
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
// Requests of which a part has come by then have a moment to become whole.
// Then all are answered, whole or not.
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
