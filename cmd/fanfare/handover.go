package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fanfare/config"
	"fanfare/internal/handover"
)

const (
	// preparePatience is the maximum time until a new process is prepared to
	// serve.
	preparePatience = 45 * time.Second
	// settlePatience is how long a server without a cluster waits until the data
	// for its clients is written, before its successor serves. It is short,
	// because nobody is served meanwhile.
	settlePatience = time.Second
	// lastWebhooks is how long such a server then sends the webhooks that the end
	// of its sessions causes.
	lastWebhooks = 2 * time.Second
	// turnPatience is how long the successor may take until it serves, once this
	// process no longer accepts. In that time it reads the store of webhooks. The
	// limit is long, because no process serves if the successor is ended.
	turnPatience = 45 * time.Second
	// plainWave and tlsWave are the numbers of clients that dismiss closes at a
	// time, without and with TLS, twenty times a second. That is about half of the
	// handshakes that a processor can do. It is also fewer at a time than the
	// default of sockets.handshakes_per_address allows for the clients of one
	// proxy. With too little time left of shutdown.timeout for all clients, more
	// are closed at a time.
	plainWave = 500
	tlsWave   = 100
)

// errShuttingDown refuses a hand-over while the server ends.
var errShuttingDown = errors.New("the server is shutting down")

// handedOver is the result of a hand-over. It is the answer of the control socket.
type handedOver struct {
	PID   int     `json:"pid,omitempty"`
	Path  *string `json:"path,omitempty"`  // of the configuration file; see absoluteFile
	Error string  `json:"error,omitempty"` // why the new process does not serve
}

// takeover is a process that is prepared to serve.
type takeover struct {
	*handover.Successor
	done chan error // receives the result of the hand-over
}

// handOver starts the program again and lets the new process serve in place of
// this one. It returns when the new process serves. Then this process still has to
// close its sockets. If the new process cannot be prepared, this one continues
// unchanged.
func (s *server) handOver(ctx context.Context) handedOver {
	if !s.handing.TryLock() {
		return handedOver{Error: "another hand-over is under way"}
	}
	defer s.handing.Unlock()
	pid, err := s.succeed(ctx)
	if err != nil {
		s.log.Error("the server was not handed over", slog.Any("error", err))
		return handedOver{Error: err.Error()}
	}
	return handedOver{PID: pid}
}

// handOverOnSignal calls handOver at every signal, until ctx is done.
func (s *server) handOverOnSignal(ctx context.Context, signals <-chan os.Signal) {
	if !s.hasBegun(ctx) {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			s.handOver(ctx)
		}
	}
}

// succeed does the work of handOver. The caller holds the lock handing.
func (s *server) succeed(ctx context.Context) (pid int, err error) {
	if err := s.canHandOver(); err != nil {
		return 0, err
	}
	path, err := program()
	if err != nil {
		return 0, err
	}
	next, err := handover.Start(path, os.Args, environmentOfSuccessor(os.Environ()), s.passOn())
	if err != nil {
		return 0, err
	}
	s.log.Info("a new process was started to take over", slog.Int("pid", next.PID), slog.String("program", path))
	if err := s.prepared(ctx, next); err != nil {
		next.Abort()
		return 0, fmt.Errorf("the new process cannot take over: %w", err)
	}
	t := &takeover{Successor: next, done: make(chan error, 1)}
	select {
	case s.takeovers <- t:
		return next.PID, <-t.done
	case <-s.left:
		next.Abort()
		return 0, errShuttingDown
	}
}

// prepared waits until the new process is prepared to serve. It stops waiting when
// this process ends: the new process holds the listeners, so no other server could
// use their addresses.
func (s *server) prepared(ctx context.Context, next *handover.Successor) error {
	ctx, cancel := context.WithTimeout(ctx, preparePatience)
	ctx, end := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() {
		select {
		case <-s.left:
			end(errShuttingDown)
		case <-ctx.Done():
		}
	})
	return next.Prepared(ctx)
}

// canHandOver returns why a hand-over is not possible, nil if it is.
func (s *server) canHandOver() error {
	s.reloading.Lock()
	cfg, ending := s.cfg, s.ending
	s.reloading.Unlock()
	switch {
	case ending:
		return errShuttingDown
	case os.Getpid() == 1:
		return errors.New("this is process 1, and its container ends with it; start a new container in its place")
	case s.cluster != nil && s.started.Webhooks.Store != "":
		return errors.New("webhooks.store is one file, and two nodes of a cluster cannot have it together; restart the server, or remove the key: a cluster keeps webhooks in Redis")
	case cfg.Listen != s.started.Listen || cfg.Metrics.Listen != s.started.Metrics.Listen || cfg.Admin.Listen != s.started.Admin.Listen:
		return errors.New("listen, metrics.listen or admin.listen has changed since the start; restart the server")
	}
	return nil
}

// program returns the path of the program to start. It is the path by which this
// process was started, because a link in that path may lead to another version by
// now.
func program() (string, error) {
	if path, err := exec.LookPath(os.Args[0]); err == nil {
		return filepath.Abs(path)
	}
	return os.Executable()
}

// environmentOfSuccessor returns env without the variables that are meant for this
// process only (sd_listen_fds(3), sd_watchdog_enabled(3)).
func environmentOfSuccessor(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains([]string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"}, name)
	})
}

// passOn returns the listeners for a successor.
func (s *server) passOn() []handover.Passed {
	_, unix := config.UnixSocket(s.started.Listen)
	list := []handover.Passed{{Name: passClients, Listener: s.plain, At: s.started.Listen, Own: unix && (s.given.clients == nil || s.given.own)}}
	if scrapes, ok := s.scrapes.(*few); ok {
		list = append(list, handover.Passed{Name: passMetrics, Listener: scrapes.Listener, At: s.started.Metrics.Listen})
	}
	if s.admin != nil {
		list = append(list, handover.Passed{Name: passAdmin, Listener: s.admin.plain, At: s.started.Admin.Listen})
	}
	if s.control != nil {
		list = append(list, handover.Passed{Name: passControl, Listener: s.control.listener, Own: true})
	}
	if s.acme != nil && s.acme.listener != nil {
		list = append(list, handover.Passed{Name: passChallenges, Listener: s.acme.listener, At: s.started.TLS.ACME.HTTPListen})
	}
	return list
}

// giveWay lets the successor serve and ends this process's work. Clients that
// connect meanwhile wait in the listener's queue. stopWebhooks returns when this
// process no longer uses the store of webhooks.
//
// In a cluster both processes are nodes, and the sockets close as in a drain with
// a successor. Without a cluster, this process first ends all sessions and sends
// their webhooks, as in a drain without a successor. Otherwise each of the two
// processes would have a part of a channel without knowing of the other part. The
// connections stay open until the successor serves. Then they are closed, and
// their clients reconnect to it.
func (s *server) giveWay(t *takeover, stopWebhooks func()) error {
	began := time.Now()
	cfg := s.shutdown()
	s.log.Info("handing over", slog.Int("pid", t.PID), slog.Int("sockets", s.sockets.Sockets()))
	s.ready.Store(false)
	keepFile(s.plain)
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if s.metrics != nil {
		_ = s.metrics.Shutdown(now) // stops accepting, without waiting for requests
	}
	s.admin.leave(now)
	s.leaveListener()
	if s.cluster == nil {
		s.settle(stopWebhooks)
	}
	turn, cancel := context.WithTimeout(context.Background(), turnPatience)
	defer cancel()
	err := t.Go(turn)
	if err == nil {
		s.control.leave() // later requests go to the successor
	}
	t.done <- err
	if err != nil {
		s.control.end()
		s.log.Error("the new process does not serve, and this one ends; start the server again", slog.Any("error", err))
		t.Abort()
		return errors.Join(fmt.Errorf("the hand-over failed: %w", err), s.drain())
	}
	s.supervisor.follows(t.PID)
	t.Release()
	s.log.Info("the new process serves", slog.Int("pid", t.PID), slog.Duration("after", time.Since(began).Round(time.Millisecond)))

	if s.cluster != nil {
		cfg.Successor, cfg.Delay = true, 0
		return s.drainAs(cfg, true)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Timeout)
	defer cancel()
	err = s.leftOpen(s.dismiss(ctx), cfg.Timeout)
	err = errors.Join(err, s.closeWeb(), s.drainWebhooks(ctx))
	s.log.Info("handed over", slog.Int("pid", t.PID), slog.Duration("took", time.Since(began).Round(time.Millisecond)))
	return err
}

// dismiss closes the remaining clients in waves, so that they reconnect to the
// successor.
func (s *server) dismiss(ctx context.Context) error {
	wave := plainWave
	if s.cfg.TLS.Enabled() {
		wave = tlsWave
	}
	return s.sockets.Dismiss(ctx, wave, s.web.Work)
}

// leaveListener stops accepting. A caller that keeps its connection open gets one
// more answer, which says that the connection closes. Connections without another
// request are closed.
func (s *server) leaveListener() {
	ctx, cancel := context.WithTimeout(context.Background(), answerPatience)
	defer cancel()
	s.api.Dismiss()
	if !s.sockets.Accepts() {
		s.web.Stop()
	}
	quiet := make(chan struct{})
	go func() {
		defer close(quiet)
		s.web.Quiet(ctx)
	}()
	_ = s.sockets.Succeed(ctx) // remaining requests are answered while the clients are closed
	<-quiet
	s.web.Stop()
	s.web.SetKeepAlivesEnabled(false)
}

// settle ends the sessions of a server without a cluster and sends their webhooks.
// The connections of clients stay open.
func (s *server) settle(stopWebhooks func()) {
	ctx, cancel := context.WithTimeout(context.Background(), settlePatience)
	defer cancel()
	s.draining.Store(true)
	if err := s.sockets.Quiesce(ctx); err != nil {
		s.log.Debug("some data was not written before the hand-over", slog.Any("error", err))
	}
	last, cancel := context.WithTimeout(context.Background(), lastWebhooks)
	defer cancel()
	if err := s.drainWebhooks(last); err != nil {
		s.log.Warn("webhooks are still being sent while the new process serves", slog.Any("error", err))
	}
	if s.started.Webhooks.Store != "" {
		stopWebhooks()
	}
}
