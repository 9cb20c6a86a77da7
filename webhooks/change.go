package webhooks

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"
)

// Change is the part of the settings that a running Sender can replace. Its
// fields are those of Config, with the same defaults.
type Change struct {
	Endpoints   map[string][]Endpoint
	Grace       time.Duration
	Timeout     time.Duration
	QueueEvents int
	QueueBytes  int
	// Apps are the apps whose endpoints are replaced. Endpoints of other apps
	// and all other settings stay as they are. nil replaces everything.
	Apps []string
}

// planned is an endpoint as it will be.
type planned struct {
	app    string
	bucket string
	url    *url.URL
	filter filter
	next   settings
}

// Prepare checks a Change and returns the function that applies it. An endpoint
// is kept as long as its URL is the same: events already queued for it are sent
// with the new settings. A removed endpoint receives no new events, only the
// queued ones. A draining Sender applies no change.
func (s *Sender) Prepare(c Change) (apply func() error, err error) {
	cfg := Config{Grace: c.Grace, Timeout: c.Timeout, QueueEvents: c.QueueEvents, QueueBytes: c.QueueBytes}.withDefaults()
	var plan []planned
	for _, app := range slices.Sorted(maps.Keys(c.Endpoints)) {
		list := c.Endpoints[app]
		for i, e := range list {
			p := planned{app: app, bucket: bucketName(app, i, list)}
			if p.url, err = CheckTarget(e.URL, s.cfg.Target); err == nil {
				p.filter, err = newFilter(e)
			}
			if err != nil {
				return nil, fmt.Errorf("webhook %d of app %q: %w", i, app, err)
			}
			p.next = settings{
				index: i, header: headersOf(e.Headers), interval: e.BatchInterval,
				maxEvents: cfg.QueueEvents, maxBytes: cfg.QueueBytes,
				log: s.cfg.Logger.With(slog.String("app", app), slog.Int("endpoint", i), slog.String("at", place(p.url))),
			}
			plan = append(plan, p)
		}
	}
	return func() error { return s.apply(plan, c.Apps, cfg.Grace, cfg.Timeout) }, nil
}

// about returns a function that reports whether an app is in some; nil contains
// all apps.
func about(some []string) func(app string) bool {
	if some == nil {
		return func(string) bool { return true }
	}
	set := make(map[string]bool, len(some))
	for _, app := range some {
		set[app] = true
	}
	return func(app string) bool { return set[app] }
}

// apply applies a plan to some apps.
func (s *Sender) apply(plan []planned, some []string, grace, timeout time.Duration) error {
	about := about(some)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return nil
	}
	if some != nil {
		grace, timeout = time.Duration(s.grace.Load()), s.client.timeout
	}
	s.grace.Store(int64(grace))
	if s.client == nil || s.client.timeout != timeout {
		if s.client != nil {
			defer s.client.http.CloseIdleConnections() // once no events are added to it
		}
		s.client = newClient(s.cfg.Target, timeout, s.cfg.anywhere)
		if s.cfg.transport != nil {
			s.client.http.Transport = s.cfg.transport
		}
	}
	if s.journal.settled() {
		clear(s.past)
	}
	fresh := make(map[string]*endpoint)
	for _, p := range plan {
		if s.endpoints[p.bucket] == nil {
			e, err := s.open(p)
			if err != nil {
				return err
			}
			fresh[p.bucket] = e
		}
	}
	maps.Copy(s.endpoints, fresh)

	audiences, kept := make(map[string]*audience), make(map[string]bool, len(plan))
	planned := make([]*endpoint, 0, len(plan))
	for _, p := range plan {
		e := s.endpoints[p.bucket]
		p.next.client = s.client
		e.take(&p.next)
		planned = append(planned, e)
		kept[p.bucket] = true
		if audiences[p.app] == nil {
			audiences[p.app] = &audience{grace: grace}
		}
		audiences[p.app].add(e, p.filter)
	}
	s.listed = relisted(s.listed, planned, about)
	s.follow(audiences, about)
	for bucket, e := range s.endpoints { // after no more events are added to them
		if !about(e.app) || kept[bucket] {
			continue
		}
		if now := *e.present.Load(); !now.leaving {
			now.leaving, now.client = true, s.client
			e.take(&now)
		}
	}
	if s.start != nil {
		for _, e := range fresh {
			s.start(e.run)
		}
	}
	return nil
}

// relisted returns a list of endpoints, sorted by app, in which the endpoints
// of some apps are replaced by the planned ones.
func relisted(list, planned []*endpoint, about func(app string) bool) []*endpoint {
	out := make([]*endpoint, 0, len(list)+len(planned))
	for _, e := range list {
		if about(e.app) {
			continue
		}
		for len(planned) > 0 && planned[0].app < e.app {
			out, planned = append(out, planned[0]), planned[1:]
		}
		out = append(out, e)
	}
	return append(out, planned...)
}

// open creates an endpoint and queues the events that the store holds for it.
// The caller holds the lock.
func (s *Sender) open(p planned) (*endpoint, error) {
	e := newEndpoint(s, p.app, p.bucket, p.url)
	if app, ok := s.cfg.Apps.ByID(p.app); ok {
		e.key = app.Keys[0]
	}
	if s.past[p.bucket] { // its events in the file, if any, are about to be removed
		return e, nil
	}
	if err := s.journal.load(p.bucket, e.restore); err != nil {
		return nil, fmt.Errorf("read the store of webhooks %s: %w", s.cfg.Store, err)
	}
	if n := e.queue.len(); n > 0 {
		p.next.log.Info("webhooks of an earlier run are sent first", slog.Int("events", n))
	}
	return e, nil
}

// follow sets the audience of each app, and ends the tenants of apps in about
// that have none. The caller holds the lock.
func (s *Sender) follow(audiences map[string]*audience, about func(app string) bool) {
	before := *s.tenants.Load()
	after := maps.Clone(before)
	for app, a := range audiences {
		t := after[app]
		if t == nil {
			t = newTenant(s.cfg.Account)
			after[app] = t
			if s.start != nil {
				s.start(t.run)
			}
		}
		t.follow(a)
	}
	var left []*tenant
	for app, t := range after {
		if about(app) && audiences[app] == nil {
			left = append(left, t)
			delete(after, app)
		}
	}
	s.tenants.Store(&after)
	for _, t := range left {
		t.leave()
	}
}

// retired removes an endpoint that is leaving and has nothing to send, and
// reports whether it did. It does not if the endpoint was configured again
// meanwhile.
func (s *Sender) retired(e *endpoint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.present.Load().leaving || e.queue.len() > 0 {
		return false
	}
	e.ended = true
	s.past[e.bucket] = true
	delete(s.endpoints, e.bucket)
	e.past.leave(e)
	e.settle()
	return true
}

// countOrphans warns about events in the store whose endpoint is not configured.
func (s *Sender) countOrphans() error {
	orphans, err := s.journal.count(func(bucket string) bool { return s.endpoints[bucket] == nil })
	if err != nil {
		return fmt.Errorf("read the store of webhooks %s: %w", s.cfg.Store, err)
	}
	if orphans > 0 {
		s.cfg.Logger.Warn("the store holds webhooks of endpoints that are not configured; they wait there until they are",
			slog.Int("events", orphans))
	}
	return nil
}
