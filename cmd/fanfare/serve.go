package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/config"
	"fanfare/httpapi"
	"fanfare/metrics"
	"fanfare/sockets"
	"fanfare/webhooks"
)

func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve clients and the HTTP API until SIGTERM or SIGINT",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			hangups := untilHangup()
			logger := newLogger(cfg.Log, cmd.ErrOrStderr())
			files := tuneRuntime(cfg, logger)
			warnOfMistakes(cfg, logger)
			s, err := newServer(cfg, logger)
			if err != nil {
				return err
			}
			s.openFiles = files
			ctx, stop := untilSignal(cmd.Context()) // who waits for the line may signal at once
			defer stop()
			s.announce()
			if out := cmd.OutOrStdout(); isTerminal(out) {
				at, metricsAddress := s.addresses()
				if err := greet(out, cfg, at.named(s.cert), metricsAddress, repeatFlags(cmd.Flags()), time.Now()); err != nil {
					s.close()
					return err
				}
			}

			var reloading sync.WaitGroup
			defer reloading.Wait()
			ended := make(chan struct{})
			defer close(ended)
			reloading.Go(func() {
				s.reloadOnHangup(hangups, ended, func() (*config.Config, error) {
					cfg, _, err := loadConfig(cmd)
					return cfg, err
				})
			})
			return s.run(ctx)
		},
	}
	addConfigFlags(cmd)
	return cmd
}

// untilSignal is done at the first SIGTERM or SIGINT. By then signals have
// their usual effect again, so that a second one ends the process at once.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals)
		cancel()
	}()
	return ctx, cancel
}

// server is a fanfare with its listeners open.
type server struct {
	cfg      *config.Config
	log      *slog.Logger
	registry *apps.Registry
	hub      *channels.Hub
	hooks    *webhooks.Sender // nil without webhooks
	sockets  *sockets.Server
	web      *http.Server // clients and the API
	listener net.Listener
	cert     *tls.Certificate // nil without TLS
	metrics  *http.Server     // nil without metrics
	scrapes  net.Listener     // nil without metrics
	ready    atomic.Bool      // what /readyz says
	draining atomic.Bool      // new sockets are sent elsewhere

	openFiles uint64 // how many this process may have; 0 is unlimited
}

// newServer wires everything together and opens the listeners, so that what
// can fail has failed before anything runs.
func newServer(cfg *config.Config, logger *slog.Logger) (*server, error) {
	s := &server{cfg: cfg, log: logger}
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *server) open() error {
	cfg, logger := s.cfg, s.log
	registry, err := cfg.Registry()
	if err != nil {
		return err
	}
	s.registry = registry

	if s.hooks, err = newWebhooks(cfg, registry, logger); err != nil {
		return err
	}
	core := channels.Config{Logger: logger, OfflineGrace: orNone(cfg.Users.OfflineGrace)}
	if s.hooks != nil {
		core.Observers = []channels.Observer{s.hooks}
	}
	s.hub = channels.New(core)
	bounds := newCapacity(cfg, openFiles())
	var api *httpapi.Server
	bounds.Relieve = func(short bool) { api.Relieve(s.web, short) }
	s.sockets, err = sockets.New(sockets.Config{
		Loops:           cfg.Sockets.Loops,
		Portable:        cfg.Sockets.Transport == "goroutine",
		QueueBytes:      cfg.Sockets.QueueBytes,
		MaxMessageBytes: cfg.Sockets.MaxMessageBytes,
		CloseTimeout:    cfg.Sockets.CloseTimeout,
		HostName:        cfg.Fallback.NodeHost,
		Capacity:        bounds.Capacity,
		Logger:          logger,
	}, s.hub)
	if err != nil {
		return fmt.Errorf("make the event loops: %w", err)
	}

	api, err = httpapi.New(httpapi.Config{
		PathPrefix:              cfg.PathPrefix,
		Apps:                    registry,
		Hub:                     s.hub,
		Sockets:                 s.sockets,
		Logger:                  logger,
		AllowMissingProtocol:    cfg.Sockets.AllowMissingProtocol,
		TrustedProxies:          cfg.TrustedPrefixes(),
		MaxHandshakesPerAddress: cfg.Sockets.HandshakesPerAddress,
		BodyLimit:               int64(cfg.HTTP.MaxBodyBytes),
		HeaderTimeout:           cfg.HTTP.HeaderTimeout,
		BodyTimeout:             cfg.HTTP.BodyTimeout,
		IdleTimeout:             cfg.HTTP.IdleTimeout,
		MaxHeaderBytes:          cfg.HTTP.MaxHeaderBytes,
		Fallback: httpapi.Fallback{
			Disabled:        !cfg.Fallback.Enabled,
			Path:            cfg.Fallback.Path,
			OpensPerAddress: cfg.Fallback.OpensPerAddress,
		},
		AccessLog: cfg.Log.AccessLog,
		Version:   version,
		Ready:     s.ready.Load,
		Draining:  s.draining.Load,
	})
	if err != nil {
		return fmt.Errorf("make the HTTP API: %w", err)
	}
	s.web = api.HTTPServer()

	if s.cert, err = certificate(cfg); err != nil {
		return err
	}
	if s.listener, err = listen(cfg, s.cert); err != nil {
		return err
	}
	if s.listener, err = s.sockets.Front(s.listener, api.FrontConfig()); err != nil {
		return err
	}
	if cfg.Metrics.Listen != "" {
		further := []prometheus.Collector{metrics.MaxConnections(s.sockets.MaxConnections)}
		if s.hooks != nil {
			further = append(further, metrics.NewWebhookCollector(webhookMetrics(s.hooks)))
		}
		s.metrics = metrics.Server(metrics.Handler(metrics.NewCollector(s.hub, s.ready.Load), version, further...))
		if s.scrapes, err = net.Listen("tcp", cfg.Metrics.Listen); err != nil {
			return notFree(err, "metrics.listen", "--metrics-listen")
		}
	}
	return nil
}

// orNone says "none" in the way of the hub, where 0 is the default.
func orNone(grace time.Duration) time.Duration {
	if grace == 0 {
		return -1
	}
	return grace
}

// addresses are where the server is reached, with the ports in use.
func (s *server) addresses() (at endpoint, metricsAddress string) {
	if s.scrapes != nil {
		at := reach(s.cfg, s.scrapes.Addr().String())
		metricsAddress = net.JoinHostPort(at.host, at.port)
	}
	return reach(s.cfg, s.listener.Addr().String()), metricsAddress
}

// close gives back what is open of a server that never ran.
func (s *server) close() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.scrapes != nil {
		_ = s.scrapes.Close()
	}
	if s.hooks != nil {
		s.hooks.Close()
	}
}

// run serves until ctx is done and then drains. It returns nil when every
// request and socket ended in order, and an error when a part failed or the
// drain took longer than shutdown.timeout.
func (s *server) run(ctx context.Context) error {
	// The core outlives ctx: it carries the drain.
	core, stopCore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCore()
	failed := make(chan error, 5) // one for each part, so that none blocks
	parts := []func() error{
		func() error { return s.hub.Run(core) },
		func() error { return s.sockets.Run(core) },
		func() error { return s.web.Serve(s.listener) },
	}
	if s.hooks != nil {
		parts = append(parts, func() error { return s.hooks.Run(core) })
	}
	if s.metrics != nil {
		parts = append(parts, func() error { return s.metrics.Serve(s.scrapes) })
	}
	for _, part := range parts {
		go func() { failed <- part() }()
	}
	s.ready.Store(true)

	var err error
	running := len(parts)
	select {
	case <-ctx.Done():
	case err = <-failed:
		running--
		s.log.Error("a part of the server ended, stopping the rest", slog.Any("error", err))
	}
	err = errors.Join(err, s.drain())

	stopCore()
	if s.metrics != nil {
		err = errors.Join(err, s.metrics.Close())
	}
	for range running {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, context.Canceled) {
			err = errors.Join(err, e)
		}
	}
	return err
}
