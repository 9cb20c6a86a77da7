package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// run serves until ctx is done and then drains, or until it has handed over to a
// successor. It returns nil if every request and socket ended in order. It returns
// an error if a part failed or the drain took longer than shutdown.timeout.
func (s *server) run(ctx context.Context) error {
	// The core runs on after ctx is done, because the drain needs it.
	core, stopCore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCore()
	failed := make(chan error, 9) // has room for an error of each part, so that none blocks
	running := 0
	begin := func(part func() error) {
		running++
		go func() { failed <- part() }()
	}
	begin(func() error { return s.hub.Run(core) })
	var ending time.Time
	err := s.takeOver(ctx)
	if err == nil {
		sending, stopSending := context.WithCancel(core)
		defer stopSending()
		sent := make(chan struct{}) // closed when webhooks are no longer sent
		begin(func() error { return s.sockets.Run(core) })
		begin(func() error { return s.web.Serve(s.listener) })
		begin(func() error {
			defer close(sent)
			return s.hooks.Run(sending)
		})
		begin(func() error { return newMemoryWatch(s.account, s.log, s.outside).run(core) })
		if s.metrics != nil {
			begin(func() error { return s.metrics.Serve(s.scrapes) })
		}
		for _, part := range s.admin.parts(core) {
			begin(part)
		}
		if s.desk != nil {
			begin(func() error { return s.desk.run(core) })
		}
		s.ready.Store(true)
		s.begin()

		var successor *takeover
		select {
		case <-ctx.Done():
		case successor = <-s.takeovers:
		case err = <-failed:
			running--
			s.log.Error("a part of the server ended, stopping the rest", slog.Any("error", err))
		}
		ending = time.Now()
		close(s.left)
		s.endReloads()
		if successor != nil {
			err = s.giveWay(successor, func() {
				stopSending()
				<-sent
			})
		} else {
			s.control.end()
			err = errors.Join(err, s.drain())
		}
	} else {
		close(s.left)
		s.close()
	}

	stopCore()
	err = errors.Join(err, s.admin.close())
	if s.metrics != nil {
		err = errors.Join(err, s.metrics.Close())
	}
	for range running {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, context.Canceled) {
			err = errors.Join(err, e)
		}
	}
	s.traces.close(ending, s.shutdown().Timeout)
	return err
}
