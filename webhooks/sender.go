package webhooks

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"fanfare/channels"
)

// Sender posts what happens in channels to the endpoints of their apps. It is
// a channels.Observer. Make one with New, keep Run running, and call Drain
// before Run's context ends.
type Sender struct {
	cfg       Config
	tenants   map[string]*tenant // of apps with endpoints; fixed
	endpoints []*endpoint        // of all tenants; fixed
	journal   *journal           // nil without a store
	drain     chan struct{}      // closed when Drain begins
	drainOnce sync.Once
}

// New returns a Sender with the undelivered events of its store. An address,
// event name or pattern that cannot be used is an error, and so is a store
// that cannot be opened.
func New(cfg Config) (*Sender, error) {
	anywhere := cfg.Target == nil
	cfg = cfg.withDefaults()
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	s := &Sender{cfg: cfg, tenants: make(map[string]*tenant), drain: make(chan struct{})}
	client := newClient(cfg.Target, cfg.Timeout, anywhere)
	for id, list := range cfg.Endpoints {
		if len(list) == 0 {
			continue
		}
		app, ok := cfg.Apps.ByID(id)
		if !ok {
			return nil, fmt.Errorf("webhooks of app %q: there is no such app", id)
		}
		t := newTenant(cfg.Grace)
		for i, e := range list {
			made, err := newEndpoint(s, client, app, i, e)
			if err != nil {
				return nil, fmt.Errorf("webhook %d of app %q: %w", i, id, err)
			}
			t.add(made)
			s.endpoints = append(s.endpoints, made)
		}
		s.tenants[id] = t
	}
	slices.SortFunc(s.endpoints, func(a, b *endpoint) int {
		if c := strings.Compare(a.app, b.app); c != 0 {
			return c
		}
		return a.index - b.index
	})
	if err := s.openStore(cfg.Endpoints); err != nil {
		return nil, err
	}
	return s, nil
}

// openStore brings back what an earlier process left.
func (s *Sender) openStore(configured map[string][]Endpoint) error {
	if s.cfg.Store == "" {
		return nil
	}
	j, err := openJournal(s.cfg.Store, s.cfg.SyncInterval, s.cfg.Logger)
	if err != nil {
		return fmt.Errorf("open the store of webhooks %s: %w", s.cfg.Store, err)
	}
	kept, orphans := 0, 0
	known := make(map[string]*endpoint, len(s.endpoints))
	for _, e := range s.endpoints {
		e.bucket = bucketName(e.app, e.index, configured[e.app])
		e.journal = j
		known[e.bucket] = e
	}
	err = j.load(func(bucket string, ev event) {
		if e := known[bucket]; e != nil {
			e.restore(ev)
			kept++
			return
		}
		orphans++
	})
	if err != nil {
		j.close()
		return fmt.Errorf("read the store of webhooks %s: %w", s.cfg.Store, err)
	}
	if kept > 0 {
		s.cfg.Logger.Info("webhooks of an earlier run are sent first", slog.Int("events", kept))
	}
	if orphans > 0 {
		s.cfg.Logger.Warn("the store holds webhooks of endpoints that are not configured; they wait there until they are",
			slog.Int("events", orphans))
	}
	s.journal = j
	return nil
}

// Observe implements channels.Observer. It takes a bounded time and never
// waits for an endpoint or the disk.
func (s *Sender) Observe(n channels.Notice) {
	t := s.tenants[n.App.ID]
	if t == nil || !t.kinds.has(n.Kind) || strings.HasPrefix(n.Channel, "#") {
		return
	}
	t.observe(n)
}

// Run delivers until ctx is done. What is undelivered then stays in the store,
// or is lost without one.
func (s *Sender) Run(ctx context.Context) error {
	var senders, writer sync.WaitGroup
	saving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var err error
	if s.journal != nil {
		writer.Go(func() { err = s.journal.run(saving) })
	}
	for _, t := range s.tenants {
		senders.Go(func() { t.run(ctx) })
	}
	for _, e := range s.endpoints {
		senders.Go(func() { e.run(ctx) })
	}
	senders.Wait()
	if len(s.endpoints) > 0 {
		s.endpoints[0].client.http.CloseIdleConnections()
	}
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

// Close gives the store back, of a Sender that never ran.
func (s *Sender) Close() {
	if s.journal != nil {
		s.journal.close()
	}
}

// Drain tells what is still held back and waits until every endpoint has what
// was queued for it. An endpoint that fails is waited for only if there is no
// store to keep its events. The error, if ctx is done first, says how many
// events are lost.
func (s *Sender) Drain(ctx context.Context) error {
	s.drainOnce.Do(func() {
		for _, t := range s.tenants {
			t.flush()
		}
		close(s.drain)
	})
	for _, e := range s.endpoints {
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

func (s *Sender) undelivered() int {
	n := 0
	for _, e := range s.endpoints {
		n += e.waiting()
	}
	return n
}
