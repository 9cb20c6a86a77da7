package webhooks

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"fanfare/apps"
	"fanfare/internal/account"
)

// Config is what a Sender is made of. A field left zero has the default its
// comment names.
type Config struct {
	// Apps gives the key that signs; the oldest active one.
	Apps *apps.Registry
	// Endpoints are those of each app, by app id, in the order in which Stats
	// and the log count them.
	Endpoints map[string][]Endpoint
	Logger    *slog.Logger // nil is silent
	// Account counts the events that wait; nil is one without a bound.
	Account *account.Account

	// Grace is how long a channel or member must be gone before the removal is
	// sent. 0 means DefaultGrace, a negative value none.
	Grace time.Duration
	// QueueEvents and QueueBytes, which is memory, bound what waits for one
	// endpoint. 0 is DefaultQueueEvents and DefaultQueueBytes.
	QueueEvents int
	QueueBytes  int
	// Timeout bounds one attempt. 0 is DefaultTimeout.
	Timeout time.Duration
	// Retry is the schedule of further attempts.
	Retry Retry
	// Store names the file that keeps undelivered events over a restart; ""
	// keeps them in memory only.
	Store string
	// StoreLater leaves opening it to OpenStore: another process still has it.
	StoreLater bool
	// SyncInterval is the least time between two writes to Store, each of
	// which waits for the disk. 0 is DefaultSyncInterval.
	SyncInterval time.Duration

	// Tracer receives attempts; nil means none.
	Tracer Tracer
	// Recent is what is kept of deliveries for Sender.Recent and Replay.
	Recent Recent

	// Target says which addresses may be posted to; nil is AnyTarget.
	Target Policy
	// Random returns numbers in [0,1) for the jitter; nil is math/rand/v2.
	Random func() float64

	anywhere  bool              // no Target was given
	transport http.RoundTripper // in place of the network, in tests
}

// Defaults of Config (docs/spec/webhooks.md#delay, docs/spec/webhooks.md#delivery).
const (
	DefaultGrace        = 3 * time.Second
	DefaultQueueEvents  = 100_000
	DefaultQueueBytes   = 32 << 20
	DefaultTimeout      = 10 * time.Second
	DefaultSyncInterval = 25 * time.Millisecond
)

// Endpoint is one URL and the events that it receives. All conditions must hold.
type Endpoint struct {
	URL string
	// Events are the names of the events to send; an empty list means all.
	Events []string
	// ChannelPrefix and ChannelSuffix must begin and end the channel's name.
	ChannelPrefix, ChannelSuffix string
	// ChannelPattern must match somewhere in the channel's name, in the syntax
	// of Go's regexp. "" matches every name.
	ChannelPattern string
	// ExcludePrefixes are prefixes of channels whose events are never sent.
	ExcludePrefixes []string
	// BatchInterval is how long events are gathered for one request. 0 sends
	// each on its own.
	BatchInterval time.Duration
	// Headers are added to each request, except those that are ours.
	Headers map[string]string
}

// Retry is the schedule on which an endpoint that fails is tried again: First,
// twice that, twice that again, up to Most, each varied by up to 20 %. A hook is
// dropped when GiveUp has passed since its first attempt; its last attempt
// ends by then. Zero fields are one
// second, one minute and five minutes (docs/spec/webhooks.md#delivery).
type Retry struct{ First, Most, GiveUp time.Duration }

func (c Config) withDefaults() Config {
	if c.Account == nil {
		c.Account = account.New(0)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Grace == 0:
		c.Grace = DefaultGrace
	case c.Grace < 0:
		c.Grace = 0
	}
	orDefault(&c.QueueEvents, DefaultQueueEvents)
	orDefault(&c.QueueBytes, DefaultQueueBytes)
	orDefault(&c.Timeout, DefaultTimeout)
	orDefault(&c.SyncInterval, DefaultSyncInterval)
	orDefault(&c.Retry.First, time.Second)
	orDefault(&c.Retry.Most, time.Minute)
	orDefault(&c.Retry.GiveUp, 5*time.Minute)
	if c.Target == nil {
		c.Target = AnyTarget
	}
	return c
}

func orDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// filter is an endpoint's conditions, ready to be asked.
type filter struct {
	kinds          kindSet
	prefix, suffix string
	pattern        *regexp.Regexp // nil matches all
	exclude        []string
}

func newFilter(e Endpoint) (filter, error) {
	f := filter{prefix: e.ChannelPrefix, suffix: e.ChannelSuffix, exclude: e.ExcludePrefixes}
	for _, name := range e.Events {
		k, ok := kindNamed(name)
		if !ok {
			return f, fmt.Errorf("there is no event %q", name)
		}
		f.kinds |= setOf(k)
	}
	if len(e.Events) == 0 {
		f.kinds = everyKind
	}
	if e.ChannelPattern != "" {
		var err error
		if f.pattern, err = regexp.Compile(e.ChannelPattern); err != nil {
			return f, fmt.Errorf("channel pattern: %w", err)
		}
	}
	return f, nil
}

// place is where an endpoint is, for logs: without path, query and userinfo,
// any of which may hold a secret.
func place(u *url.URL) string { return u.Scheme + "://" + u.Host }
