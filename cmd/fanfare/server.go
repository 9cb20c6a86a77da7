package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

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

// server is the fanfare server, with open listeners.
type server struct {
	cfg      *config.Config // in force; a reload replaces it
	log      *slog.Logger
	registry *apps.Registry
	store    *appstore.Store      // nil if the apps are in the configuration
	mirror   *appstore.Mirror     // of store
	removed  map[string]time.Time // apps removed from the store, and when; their webhooks are still sent
	account  *account.Account     // of memory held for clients and callers
	cluster  *membership          // nil without a cluster
	desk     *nodeDesk            // nil without a cluster
	hub      *channels.Hub
	traces   traces
	hooks    *webhooks.Sender
	sockets  *sockets.Server
	api      *httpapi.Server
	web      *web // HTTP of clients and the API
	listener net.Listener
	plain    net.Listener // below listener, of TCP or a Unix socket
	admin    *admin       // nil without the admin API
	logs     *logs.Logs   // behind log; nil if commands cannot follow it
	began    time.Time
	metrics  *http.Server // nil without metrics
	scrapes  net.Listener // nil without metrics
	ready    atomic.Bool  // whether /readyz may report that the server is ready
	draining atomic.Bool  // the API refuses requests

	certificate atomic.Pointer[tls.Certificate] // nil without TLS, and until ACME gives the first
	acme        *obtained                       // nil without ACME
	profiles    atomic.Bool                     // metrics.pprof
	memoryLimit atomic.Int64                    // of the Go runtime, as configured
	outside     *outside                        // nil without a cgroup's memory limit

	reloading sync.Mutex
	started   *config.Config // at the start, for keys that need a restart
	ending    bool           // reloads are refused
	reloads   *metrics.Reloads
	observed  bool // the sender of webhooks is an observer of the hub
	initial   runtimeSettings
	setLog    func(level, format string) error

	supervisor supervisor
	control    *control // nil without one
	given      passed
	inherits   *handover.Inheritance // nil unless this process is a successor
	begun      chan struct{}         // closed when everything runs
	handing    sync.Mutex            // held during a hand-over
	takeovers  chan *takeover        // prepared successors, which run receives
	left       chan struct{}         // closed when run receives no more of them
}

// newServer connects the parts and opens the listeners, so that everything that
// can fail has failed before anything runs.
func newServer(cfg *config.Config, logger *slog.Logger) (*server, error) {
	return newServerOn(cfg, passed{}, logger)
}

// newServerOn is newServer with listeners that are already open. It opens those
// that were not passed.
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
		given.close() // may close some again, without effect
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

// isReady reports whether clients may be sent to this server, for /readyz.
func (s *server) isReady() bool { return s.ready.Load() && s.cluster.ready() }

// addresses returns where the server is reached, with the ports in use.
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
