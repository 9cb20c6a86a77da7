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
	"fanfare/appstore"
	"fanfare/channels"
	"fanfare/config"
	"fanfare/httpapi"
	"fanfare/internal/account"
	"fanfare/internal/handover"
	"fanfare/internal/logs"
	"fanfare/metrics"
	"fanfare/sockets"
	"fanfare/webhooks"
)

func newServeCommand() *cobra.Command {
	var debug bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve clients and the HTTP API until SIGTERM or SIGINT",
		Example: `  fanfare serve
  fanfare serve --config config.yaml
  fanfare serve --config config.yaml --debug
  fanfare serve --listen :7001 --app-id 1 --app-key k --app-secret "$SECRET"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			inherits, err := handover.Inherited()
			if err != nil {
				return err
			}
			defer func() { err = inherits.Failed(err) }() // whoever hands over hears why it is not taken
			load := func() (*config.Config, string, error) {
				cfg, file, err := loadConfig(cmd.Flags())
				if err == nil && debug { // over the file, also at a reload
					cfg.Log.Level, cfg.Log.Format = "trace", "pretty"
				}
				return cfg, file, err
			}
			cfg, _, err := load()
			if err != nil {
				return err
			}
			hangups := untilHangup()
			log, err := logs.New(cmd.ErrOrStderr(), logs.Options{Level: cfg.Log.Level, Format: cfg.Log.Format})
			if err != nil {
				return err
			}
			return serve(cmd, cfg, load, log, hangups, inherits)
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&debug, "debug", false, "log everything that happens, payloads included, for a person to read; as --log-level=trace --log-format=pretty")
	return cmd
}

// serve is the command once its configuration is known.
func serve(cmd *cobra.Command, cfg *config.Config, load loader, log *logs.Logs, hangups <-chan os.Signal, inherits *handover.Inheritance) error {
	upgrades := untilUpgrade()
	logger := log.Logger()
	initial := readRuntime()
	initial.tune(cfg, logger)
	warnOfMistakes(cfg, logger)
	given, err := passedListeners()
	if err != nil {
		return err
	}
	if inherits != nil {
		given = inheritedListeners(inherits)
	}
	s, err := newServerOn(cfg, given, logger)
	if err != nil {
		return err
	}
	s.initial, s.setLog, s.logs, s.inherits = initial, log.Set, log, inherits
	ctl, err := openControl(cfg, given.control, s.listener.Addr(), logger)
	if err != nil {
		s.close()
		return err
	}
	s.control, s.supervisor = ctl, newSupervisor(logger)
	ctx, stop := untilSignal(cmd.Context()) // who waits for the line may signal at once
	defer stop()
	if inherits == nil {
		s.announce()
	}
	if out := cmd.OutOrStdout(); inherits == nil && isTerminal(out) {
		at, metricsAddress := s.addresses()
		if err := greet(out, cfg, s.named(at), metricsAddress, repeatFlags(cmd.Flags()), time.Now()); err != nil {
			s.close()
			return errors.Join(err, ctl.close())
		}
		s.admin.greet(out)
	}

	// The log and hangups go on while the server drains. The control socket does
	// not: the next server of this machine needs it, see run.
	ended, end := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop() // if a part has failed, nothing else does
	defer end()
	beside.Go(func() { s.reloadOnHangup(ended, hangups, load) })
	beside.Go(func() { s.handOverOnSignal(ended, upgrades) })
	beside.Go(func() { s.forgetApps(ended) })
	beside.Go(func() { s.followStore(ended) })
	beside.Go(func() { (&certificateWatch{server: s, log: logger}).run(ended) })
	beside.Go(func() {
		if s.hasBegun(ended) {
			s.acme.run(ended)
		}
	})
	beside.Go(func() { _ = log.Run(ended) })
	beside.Go(func() {
		tails := newTails(ended, log)
		defer tails.wait()
		if !s.hasBegun(ended) {
			_ = ctl.close()
			return
		}
		upgrade := func(ctx context.Context) handedOver {
			result := s.handOver(ctx)
			if file, err := configFile(cmd.Flags()); err == nil {
				result.Path = absoluteFile(file)
			}
			return result
		}
		ctl.run(ended, func() reloaded { return s.reload(load) }, upgrade, s.cluster.status, tails)
	})
	beside.Go(func() {
		if !s.hasBegun(ended) {
			return
		}
		if inherits != nil {
			s.announce()
		}
		s.supervisor.ready(listenAddress(s.listener.Addr()))
		s.supervisor.watch(ended, s.sockets.Alive)
	})
	beside.Go(func() {
		select {
		case <-ctx.Done():
		case <-ended.Done(): // a part failed, or another process serves
		}
		if ended.Err() == nil {
			s.supervisor.draining(s.shutdown().Timeout)
		}
	})
	err = s.run(ctx)
	s.handing.Lock() // whoever was to take over is gone, or serves
	return err
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
	cfg      *config.Config // in force; a reload replaces it
	log      *slog.Logger
	registry *apps.Registry
	store    *appstore.Store      // nil where the apps are in the configuration
	mirror   *appstore.Mirror     // of store
	removed  map[string]time.Time // from the store, and when; their webhooks still count
	account  *account.Account     // of all that is held for others
	cluster  *membership          // nil for a server on its own
	desk     *nodeDesk            // nil likewise
	hub      *channels.Hub
	traces   traces
	hooks    *webhooks.Sender
	sockets  *sockets.Server
	api      *httpapi.Server
	web      *web // clients and the API
	listener net.Listener
	plain    net.Listener // below it: the descriptor that is listened on
	admin    *admin       // nil without the admin API
	logs     *logs.Logs   // that log writes to; nil if nobody can follow it
	began    time.Time
	metrics  *http.Server // nil without metrics
	scrapes  net.Listener // nil without metrics
	ready    atomic.Bool  // what /readyz says
	draining atomic.Bool  // new sockets are sent elsewhere

	certificate atomic.Pointer[tls.Certificate] // nil without TLS, and until ACME gives the first
	acme        *obtained                       // nil without ACME
	profiles    atomic.Bool                     // metrics.pprof
	memoryLimit atomic.Int64                    // of the Go runtime, as configured
	outside     *outside                        // nil without a cgroup's limit

	reloading sync.Mutex
	started   *config.Config // as it was at the start, for what cannot change
	ending    bool           // no more reloads; cfg stays as it is
	reloads   *metrics.Reloads
	observed  bool // the sender of webhooks is an observer of the hub
	initial   runtimeSettings
	setLog    func(level, format string) error

	supervisor supervisor
	control    *control // nil without one
	given      passed
	inherits   *handover.Inheritance // nil unless this process is a successor
	begun      chan struct{}         // closed when everything runs
	handing    sync.Mutex            // held by the one hand-over that may be tried at a time
	takeovers  chan *takeover        // prepared successors, for run
	left       chan struct{}         // closed when run takes no successor any more
}

// newServer wires everything together and opens the listeners, so that what
// can fail has failed before anything runs.
func newServer(cfg *config.Config, logger *slog.Logger) (*server, error) {
	return newServerOn(cfg, passed{}, logger)
}

// newServerOn is newServer on listeners that are open already, as far as there
// are some.
func newServerOn(cfg *config.Config, given passed, logger *slog.Logger) (*server, error) {
	if err := given.fits(cfg); err != nil {
		given.close()
		return nil, err
	}
	s := &server{
		cfg: cfg, started: cfg, log: logger, initial: readRuntime(), reloads: metrics.NewReloads(), account: account.New(0),
		setLog: func(string, string) error { return nil }, given: given,
		begun: make(chan struct{}), takeovers: make(chan *takeover), left: make(chan struct{}),
	}
	if err := s.open(given); err != nil {
		s.close()
		given.close() // what is closed already stays so
		return nil, err
	}
	return s, nil
}

func (s *server) open(given passed) error {
	if err := s.openStore(); err != nil {
		return err
	}
	cfg, logger := s.cfg, s.log
	registry, err := cfg.Registry()
	if err != nil {
		return err
	}
	s.registry = registry
	s.limitMemory(cfg)
	s.outside = newOutside(&s.memoryLimit)

	if s.traces, err = newTraces(cfg, logger); err != nil {
		return err
	}
	if s.hooks, err = newWebhooks(cfg, registry, s.account, s.traces.ofWebhooks(), s.opensStoreLater(), logger); err != nil {
		return err
	}
	s.began = time.Now()
	about := func() string {
		a := aboutNode{Name: cfg.NodeName(), Members: s.cluster.peer.OwnMembers(), Draining: s.draining.Load()}
		return a.text(s.began, s.hub.Stats())
	}
	if s.cluster, err = newMembership(cfg, registry, about, logger); err != nil {
		return err
	}
	if s.cluster != nil {
		s.desk = newNodeDesk()
		s.cluster.cfg.Hooks, s.cluster.cfg.Desk = clusterHooks{s.hooks}, s.desk
	}
	s.hub = channels.New(channels.Config{
		Logger: logger, Account: s.account, OfflineGrace: orNone(cfg.Users.OfflineGrace), Cluster: s.cluster.maker(),
		MostPast: mostPast(cfg),
	})
	s.observe(cfg)
	limits := socketLimits(cfg)
	bounds := newCapacity(cfg, openFiles())
	bounds.Relieve = func(short bool) { s.api.Relieve(short) }
	s.sockets, err = sockets.New(sockets.Config{
		Loops:           cfg.Sockets.Loops,
		Portable:        cfg.Sockets.Transport == "goroutine",
		NoRing:          cfg.Sockets.Transport == "epoll",
		QueueBytes:      limits.QueueBytes,
		MaxMessageBytes: limits.MaxMessageBytes,
		CloseTimeout:    limits.CloseTimeout,
		MessageTimeout:  limits.MessageTimeout,
		HostName:        limits.HostName,

		ConnectionsPerAddress: limits.ConnectionsPerAddress,

		Nodes:    s.cluster.nodes(),
		Capacity: bounds.Capacity,
		Account:  s.account,
		Logger:   logger,
	}, s.hub)
	if err != nil {
		return fmt.Errorf("make the event loops: %w", err)
	}

	if s.api, err = httpapi.New(s.apiConfig(cfg)); err != nil {
		return fmt.Errorf("make the HTTP API: %w", err)
	}
	s.web = newWeb(s.api.HTTPServer())

	cert, err := certificate(cfg)
	if err != nil {
		return err
	}
	s.certificate.Store(cert)
	if s.acme, err = s.obtain(cfg, given.challenges, logger); err != nil {
		return err
	}
	if s.listener, err = s.listen(given.clients, s.api.ProxyHeaders()); err != nil {
		return err
	}
	if s.listener, err = s.sockets.Front(s.listener, s.api.FrontConfig()); err != nil {
		return err
	}
	if cfg.Metrics.Listen != "" {
		handler := metrics.Handler(metrics.NewCollector(s.hub, s.isReady), version, s.collectors()...)
		s.profiles.Store(cfg.Metrics.Pprof)
		s.metrics = metrics.Server(metrics.WithProfiles(handler, s.profiles.Load))
		s.metrics.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelDebug)
		scrapes := given.metrics
		if scrapes == nil {
			if scrapes, err = net.Listen("tcp", cfg.Metrics.Listen); err != nil {
				return notFree(err, "metrics.listen", "--metrics-listen")
			}
		}
		s.scrapes = &few{Listener: scrapes, most: mostScrapes}
	}
	if s.desk != nil {
		s.desk.local = s.local()
	}
	s.admin, err = s.openAdmin(cfg, given.admin)
	return err
}

// isReady is what /readyz says: clients may be sent here.
func (s *server) isReady() bool { return s.ready.Load() && s.cluster.ready() }

// collectors are what is measured beside the hub.
func (s *server) collectors() []prometheus.Collector {
	list := []prometheus.Collector{
		metrics.NewWebhookCollector(webhookMetrics(s.hooks)), metrics.NewRequestCollector(requestMetrics(s.api)),
		metrics.MaxConnections(s.sockets.MaxConnections), metrics.LoopSockets(s.sockets.LoopSockets), metrics.NewAccountCollector(s.account), s.reloads,
	}
	if s.cfg.TLS.Enabled() { // a reload turns it neither on nor off
		list = append(list, metrics.CertificateExpiry(s.certificateExpires))
	}
	if s.traces.tracing != nil {
		list = append(list, metrics.NewTraceCollector(s.traces.metrics))
	}
	if s.cluster != nil {
		list = append(list, metrics.NewClusterCollector(s.cluster.metrics))
	}
	if s.mirror != nil {
		list = append(list, metrics.NewAppStoreCollector(s.storeMetrics))
	}
	return list
}

// addresses are where the server is reached, with the ports in use.
func (s *server) addresses() (at endpoint, metricsAddress string) {
	if s.scrapes != nil {
		at := reach(s.cfg, s.scrapes.Addr().String())
		metricsAddress = net.JoinHostPort(at.host, at.port)
	}
	return reach(s.cfg, listenAddress(s.listener.Addr())), metricsAddress
}

// close releases the resources of a server that never ran.
func (s *server) close() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.scrapes != nil {
		_ = s.scrapes.Close()
	}
	s.admin.abandon()
	s.acme.close()
	s.traces.close(time.Now(), 0)
	s.closeStore()
	if s.hooks != nil {
		s.hooks.Close()
	}
}

// run serves until ctx is done and then drains, or until a successor is there
// that it hands over to. It returns nil when every request and socket ended in
// order, and an error when a part failed or the drain took longer than
// shutdown.timeout.
func (s *server) run(ctx context.Context) error {
	// The core outlives ctx: it carries the drain.
	core, stopCore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCore()
	failed := make(chan error, 9) // one for each part, so that none blocks
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
		sent := make(chan struct{}) // closed when no webhook is sent any more
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
