package webhooks

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"fanfare/channels"
)

// Sender posts the events of channels to the endpoints of their apps. It is a
// channels.Observer. Create it with New, run Run, and call Drain before Run's
// context ends. Endpoints can be changed while it runs, see Prepare.
type Sender struct {
	cfg     Config // without the fields that a Change has
	tenants atomic.Pointer[map[string]*tenant]
	journal *journal      // nil without a store
	drain   chan struct{} // closed when Drain begins
	grace   atomic.Int64  // ns
	recent  *recent       // nil if deliveries are not kept
	seq     atomic.Uint64 // seq of the newest event of all endpoints

	mu        sync.Mutex
	endpoints map[string]*endpoint // by bucket name: those configured, and those that still have events
	listed    []*endpoint          // those configured, sorted by app, then in its order
	past      map[string]bool      // by bucket name: endpoints that ended, whose events may still be in the file
	client    *client
	start     func(func(context.Context)) // starts a goroutine of Run; nil unless Run runs
	draining  bool
	first     func() error // creates the endpoints of the Config; nil after OpenStore
}

// New returns a Sender with the undelivered events of its store. With
// StoreLater, OpenStore has to be called on it first. It returns an error for
// an address, event name or pattern that is not valid and for a store that
// cannot be opened.
func New(cfg Config) (*Sender, error) {
	if cfg.Target == nil {
		cfg.Target, cfg.anywhere = AnyTarget, true
	}
	first := Change{Endpoints: cfg.Endpoints, Grace: cfg.Grace, Timeout: cfg.Timeout, QueueEvents: cfg.QueueEvents, QueueBytes: cfg.QueueBytes}
	cfg = cfg.withDefaults()
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	s := &Sender{cfg: cfg, endpoints: make(map[string]*endpoint), past: make(map[string]bool), drain: make(chan struct{})}
	s.recent = newRecent(cfg.Recent, cfg.Account)
	s.tenants.Store(&map[string]*tenant{})
	for id, list := range cfg.Endpoints {
		if _, ok := cfg.Apps.ByID(id); !ok && len(list) > 0 {
			return nil, fmt.Errorf("webhooks of app %q: the app does not exist", id)
		}
	}
	var err error
	if s.first, err = s.Prepare(first); err != nil {
		return nil, err
	}
	if cfg.StoreLater {
		return s, nil
	}
	if err := s.OpenStore(); err != nil {
		return nil, err
	}
	return s, nil
}

// OpenStore opens the store of a Sender with StoreLater, if it has one, and
// queues its undelivered events. Call it once, before Run, Observe and Prepare.
func (s *Sender) OpenStore() error {
	if s.cfg.Store != "" {
		var err error
		if s.journal, err = openJournal(&s.cfg); err != nil {
			return fmt.Errorf("open the store of webhooks %s: %w", s.cfg.Store, err)
		}
	}
	begin := s.first
	s.first = nil
	if err := begin(); err != nil {
		s.Close()
		return err
	}
	if err := s.countOrphans(); err != nil {
		s.Close()
		return err
	}
	return nil
}

// Observe implements channels.Observer. It never waits for an endpoint or the
// disk.
func (s *Sender) Observe(n channels.Notice) {
	t := (*s.tenants.Load())[n.App.ID]
	if t == nil || !t.audience.Load().kinds.has(n.Kind) || strings.HasPrefix(n.Channel, "#") {
		return
	}
	t.observe(n)
}

// Run delivers until ctx is done. Undelivered events then stay in the store, or
// are lost without one.
func (s *Sender) Run(ctx context.Context) error {
	var senders, writer sync.WaitGroup
	saving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var err error
	if s.journal != nil {
		writer.Go(func() { err = s.journal.run(saving) })
	}
	s.mu.Lock()
	s.start = func(part func(context.Context)) { senders.Go(func() { part(ctx) }) }
	for _, t := range *s.tenants.Load() {
		s.start(t.run)
	}
	for _, e := range s.endpoints {
		s.start(e.run)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.start = nil
	client := s.client
	s.mu.Unlock()
	senders.Wait()
	client.http.CloseIdleConnections()
	stop()
	writer.Wait()
	switch left := s.undelivered(); {
	case left == 0:
	case s.journal == nil:
		s.cfg.Logger.Warn("undelivered webhooks are lost", slog.Int("events", left))
	case err != nil:
		s.cfg.Logger.Error("undelivered webhooks could not be saved and may be lost", slog.Int("events", left))
	default:
		s.cfg.Logger.Info("undelivered webhooks stay in the store", slog.Int("events", left))
	}
	return err
}

// Close closes the store of a Sender that never ran.
func (s *Sender) Close() {
	if s.journal != nil {
		s.journal.close()
	}
}

// Drain queues the removals that are held back and waits until every endpoint
// has received its queued events. It waits for a failing endpoint only if no
// store keeps its events. If ctx is done first, the error says how many events
// are lost.
func (s *Sender) Drain(ctx context.Context) error {
	s.mu.Lock()
	first := !s.draining
	s.draining = true
	waiting := slices.Collect(maps.Values(s.endpoints))
	s.mu.Unlock()
	if first {
		for _, t := range *s.tenants.Load() {
			t.flush()
		}
		close(s.drain)
	}
	for _, e := range waiting {
		select {
		case <-e.settled:
		case <-ctx.Done():
			if left := s.undelivered(); left > 0 && s.journal == nil {
				return fmt.Errorf("%d webhook events were not delivered in time and are lost; a store keeps them: %w", left, ctx.Err())
			}
			return nil
		}
	}
	return nil
}

// undelivered returns the number of waiting events without a receipt, which no
// caller of Tell keeps.
func (s *Sender) undelivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.endpoints {
		n += e.unreceipted()
	}
	return n
}
