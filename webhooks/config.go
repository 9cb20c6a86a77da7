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

// Config holds the settings of a Sender. The zero value of a field means the
// default that its comment names.
type Config struct {
	// Apps gives the key that signs: the app's oldest active key.
	Apps *apps.Registry
	// Endpoints are the endpoints of each app, by app id. Stats and the log
	// number them in this order.
	Endpoints map[string][]Endpoint
	Logger    *slog.Logger // nil disables logging
	// Account counts the memory of waiting events; nil counts it without a
	// limit.
	Account *account.Account

	// Grace is how long a channel must be vacated, or a member absent, before
	// the event about it is sent. 0 means DefaultGrace, a negative value no
	// delay.
	Grace time.Duration
	// QueueEvents and QueueBytes (of memory) limit the events that wait for one
	// endpoint. 0 means DefaultQueueEvents and DefaultQueueBytes.
	QueueEvents int
	QueueBytes  int
	// Timeout limits one attempt. 0 means DefaultTimeout.
	Timeout time.Duration
	// Retry is the schedule of further attempts.
	Retry Retry
	// Store is the file that keeps undelivered events over a restart. "" keeps
	// them in memory only.
	Store string
	// StoreLater leaves opening the store to OpenStore, for when another
	// process still has it open.
	StoreLater bool
	// SyncInterval is the least time between two writes to Store, each of which
	// waits for the disk. 0 means DefaultSyncInterval.
	SyncInterval time.Duration

	// Tracer is notified of attempts; nil disables tracing.
	Tracer Tracer
	// Recent says how many deliveries are kept for Sender.Recent and Replay.
	Recent Recent

	// Target says which addresses may receive webhooks; nil means AnyTarget.
	Target Policy
	// Random returns numbers in [0,1) for the jitter of retries; nil means
	// math/rand/v2.
	Random func() float64

	anywhere  bool              // no Target was given
	transport http.RoundTripper // replaces the network in tests
}

// Defaults of Config (docs/spec/webhooks.md#delay, docs/spec/webhooks.md#delivery).
const (
	DefaultGrace        = 3 * time.Second
	DefaultQueueEvents  = 100_000
	DefaultQueueBytes   = 32 << 20
	DefaultTimeout      = 10 * time.Second
	DefaultSyncInterval = 25 * time.Millisecond
)

// Endpoint is one URL and the conditions for the events that it receives. All
// conditions must hold.
type Endpoint struct {
	URL string
	// Events are the names of the events to send; an empty list means all.
	Events []string
	// ChannelPrefix and ChannelSuffix are what the channel's name must begin
	// and end with.
	ChannelPrefix, ChannelSuffix string
	// ChannelPattern must match somewhere in the channel's name, in the syntax
	// of Go's regexp. "" matches every name.
	ChannelPattern string
	// ExcludePrefixes are prefixes of channels whose events are never sent.
	ExcludePrefixes []string
	// BatchInterval is how long events are collected for one request. 0 sends
	// each event in its own request.
	BatchInterval time.Duration
	// Headers are added to each request, except those that the Sender sets
	// itself.
	Headers map[string]string
}

// Retry is the schedule on which a failing endpoint is tried again. The waits
// double from First up to Most, each varied by up to 20 %. An event is dropped
// when GiveUp has passed since its first attempt; its last attempt ends by
// then. Zero fields mean one second, one minute and five minutes
// (docs/spec/webhooks.md#delivery).
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

// filter is an endpoint's conditions in a form that is fast to check.
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
			return f, fmt.Errorf("unknown event %q", name)
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

// place returns the scheme and host of a URL for logs. Path, query and userinfo
// may hold a secret.
func place(u *url.URL) string { return u.Scheme + "://" + u.Host }
