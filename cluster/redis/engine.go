package redis

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"fanfare/apps"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// Config configures an Engine.
type Config struct {
	// Addresses are host:port of the server, of some servers of a Redis Cluster, or
	// of the Sentinels.
	Addresses []string
	// Prefix is the beginning of all keys and feeds; "" means "fanfare".
	Prefix             string
	Username, Password string
	Database           int
	TLS                *tls.Config // nil means no TLS
	// SentinelMaster is the name of the master in the Sentinels' configuration; ""
	// means no Sentinels. They have a user and a password of their own.
	SentinelMaster                     string
	SentinelUsername, SentinelPassword string
	// Apps returns the apps of this node; nil means that they are not compared with
	// those of other nodes.
	Apps   func() []*apps.App
	Logger *slog.Logger // nil logs nothing
}

// Engine is a cluster.Engine. Make one with New and keep Run running.
type Engine struct {
	cfg     Config
	plain   *scripts // for a single server
	split   *scripts // for a Redis Cluster
	parts   [cluster.Partitions]*partition
	beats   chan beat
	fleet   *fleet
	sharded atomic.Bool // the servers are a Redis Cluster
}

var _ cluster.Engine = (*Engine)(nil)

// New returns an Engine that is not connected, or an error if cfg is invalid.
func New(cfg Config) (*Engine, error) {
	switch {
	case len(cfg.Addresses) == 0:
		return nil, errors.New("redis: no address is configured")
	case strings.ContainsAny(cfg.Prefix, "{}*?[]\\"):
		return nil, fmt.Errorf("redis: the prefix %q contains one of {}*?[]\\, which have a special meaning in keys", cfg.Prefix)
	case cfg.Database < 0:
		return nil, fmt.Errorf("redis: %d is not a valid database number", cfg.Database)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "fanfare"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{cfg: cfg, plain: loadScripts(nil), split: loadScripts(sharded()), beats: make(chan beat, mostBeats)}
	e.fleet = newFleet(e)
	for i := range e.parts {
		p := cluster.Partition(i)
		e.parts[i] = &partition{
			number: p,
			caller: caller{names: namesOf(cfg.Prefix, cfg.Database, p), budget: logBudget},
			wake:   make(chan struct{}, 1),
			feeds:  map[string]struct{}{},
		}
	}
	return e, nil
}

// Run implements cluster.Engine. It returns an error only if the first servers that
// it reaches cannot be used; after that it retries.
func (e *Engine) Run(ctx context.Context, up cluster.Upcalls) error {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() { e.runBeats(ctx, up) })
	for _, p := range e.parts {
		all.Go(func() { p.keep(ctx, e.fleet, up) })
	}
	return e.fleet.run(ctx)
}

// Trouble returns why a server cannot be reached, "" if all can. Partitions are
// notified only when a connection ends.
func (e *Engine) Trouble() string {
	e.fleet.mu.Lock()
	defer e.fleet.mu.Unlock()
	return e.fleet.trouble
}

// file passes a push to the queue of its partition. The connection's reader calls
// it, so it must not block.
func (e *Engine) file(feed, message string) {
	p := partitionOf(e.cfg.Prefix, feed)
	switch {
	case p < 0:
	case e.parts[p].caller.isLetters(feed):
		e.parts[p].fileLetter(message)
	default:
		e.parts[p].file(message)
	}
}

// ended informs a partition that the server has ended its own feed.
func (e *Engine) ended(feed string) {
	if p := partitionOf(e.cfg.Prefix, feed); p >= 0 && feed == e.parts[p].caller.everything() {
		e.parts[p].lost()
	}
}

// Send implements cluster.Engine.
func (e *Engine) Send(p cluster.Partition, r ledger.Request) { e.parts[p].add(item{request: r}) }

// Watch implements cluster.Engine.
func (e *Engine) Watch(p cluster.Partition, s ledger.Subject) {
	e.parts[p].add(item{watch: e.parts[p].caller.watched(s)})
}

// Unwatch implements cluster.Engine.
func (e *Engine) Unwatch(p cluster.Partition, s ledger.Subject) {
	e.parts[p].add(item{unwatch: e.parts[p].caller.watched(s)})
}

// Listen implements cluster.Engine.
func (e *Engine) Listen(p cluster.Partition, n ledger.Node) {
	e.parts[p].add(item{watch: e.parts[p].caller.letters(n)})
}

// Tell implements cluster.Engine.
func (e *Engine) Tell(p cluster.Partition, to ledger.Node, message []byte) {
	e.parts[p].addLetter(item{to: e.parts[p].caller.letters(to), letter: message})
}

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}
