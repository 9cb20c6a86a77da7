package webhooks

import (
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"
)

// Change is what a Sender can take over while it runs. Its fields are those of
// Config, with the same defaults.
type Change struct {
	Endpoints   map[string][]Endpoint
	Grace       time.Duration
	Timeout     time.Duration
	QueueEvents int
	QueueBytes  int
	// Apps are those whose endpoints there are; the endpoints of others stay as
	// they are, and so does the rest of the settings. nil is all.
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

// Prepare checks a Change and returns the function that makes it count. An endpoint
// stays the same one while its URL does: what is queued for it is sent with its new
// settings. An endpoint that was removed receives no new events, only what is
// queued for it. A Sender that drains takes no change over.
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

// about reports whether an app is one of some, as all are of nil.
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

// apply makes a plan count for some apps.
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
			defer s.client.http.CloseIdleConnections() // when nothing new comes to it
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
	for bucket, e := range s.endpoints { // after they are told nothing more
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

// relisted are the endpoints of a list, by their apps, with those of some apps
// replaced.
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

// open makes an endpoint with what the store holds for it. The caller holds
// the lock.
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

// follow gives each app its audience, and ends tenants without one of those that
// it is about. The caller holds the lock.
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

// retired forgets an endpoint that is leaving and has nothing to send, and reports
// whether it did: meanwhile it may be configured again.
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
