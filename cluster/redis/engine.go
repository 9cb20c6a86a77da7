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
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// Config is what an Engine is made of.
type Config struct {
	// Addresses are host:port of the server, or of the Sentinels.
	Addresses []string
	// Prefix begins all keys and feeds; "" is "fanfare".
	Prefix             string
	Username, Password string
	Database           int
	TLS                *tls.Config // nil is none
	// SentinelMaster is the name by which the Sentinels know the master; "" is
	// no Sentinel.
	SentinelMaster string
	Logger         *slog.Logger // nil is none
}

// Engine is a cluster.Engine. Make one with New and keep Run running.
type Engine struct {
	cfg     Config
	scripts *scripts
	parts   [cluster.Partitions]*partition
	beats   chan beat
	conn    atomic.Pointer[conn] // nil while there is none
}

var _ cluster.Engine = (*Engine)(nil)

// New returns an Engine that is not connected, or says what is wrong with cfg.
func New(cfg Config) (*Engine, error) {
	switch {
	case len(cfg.Addresses) == 0:
		return nil, errors.New("redis: no address is given")
	case len(cfg.Addresses) > 1 && cfg.SentinelMaster == "":
		return nil, errors.New("redis: several addresses are given; that is for Sentinels, with the name of their master. A Redis Cluster is not supported")
	case strings.ContainsAny(cfg.Prefix, "{}*?[]\\"):
		return nil, fmt.Errorf("redis: the prefix %q has one of {}*?[]\\, which have a meaning in keys", cfg.Prefix)
	case cfg.Database < 0:
		return nil, fmt.Errorf("redis: there is no database %d", cfg.Database)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "fanfare"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{cfg: cfg, scripts: loadScripts(nil), beats: make(chan beat, mostBeats)}
	for i := range e.parts {
		p := cluster.Partition(i)
		e.parts[i] = &partition{
			number: p,
			caller: caller{names: namesOf(cfg.Prefix, cfg.Database, p), scripts: e.scripts, budget: logBudget},
			wake:   make(chan struct{}, 1),
			feeds:  map[string]struct{}{},
		}
	}
	return e, nil
}

// A lost connection is made again after a time between these, the longer the
// more often it failed.
const (
	leastWait = 100 * time.Millisecond
	mostWait  = 2 * time.Second
)

// Run implements cluster.Engine. It returns an error only if the first server
// that it reaches cannot be used; later it tries on.
func (e *Engine) Run(ctx context.Context, up cluster.Upcalls) error {
	ctx, cancel := context.WithCancel(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { e.runBeats(ctx, up) })
	defer beats.Wait()
	defer cancel()
	used, wait := false, leastWait
	for ctx.Err() == nil {
		c, err := e.connect(ctx)
		if err == nil {
			used, wait = true, leastWait
			err = e.serve(ctx, c, up)
		} else if unfit := (*unfitError)(nil); errors.As(err, &unfit) && !used {
			return err
		}
		if ctx.Err() != nil {
			break
		}
		e.cfg.Logger.Warn("the cluster's redis cannot be reached, trying again", "reason", err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + time.Duration(random()%uint64(wait/2))):
		}
		wait = min(2*wait, mostWait)
	}
	return nil
}

// serve carries requests over a connection until it breaks, and says why it did.
func (e *Engine) serve(ctx context.Context, c *conn, up cluster.Upcalls) error {
	e.cfg.Logger.Info("connected to the cluster's redis", "address", c.address, "version", c.version, "run", c.run)
	e.conn.Store(c)
	var parts sync.WaitGroup
	for _, p := range e.parts {
		parts.Go(func() { p.run(c, up) })
	}
	select {
	case <-c.ctx.Done():
	case <-ctx.Done():
		c.fail(ctx.Err())
	}
	e.conn.Store(nil)
	parts.Wait()
	c.close()
	return context.Cause(c.ctx)
}

// file puts what the connection was pushed where its partition finds it. The
// connection's reader calls it, so it does not wait.
func (e *Engine) file(feed, message string) {
	if p := partitionOf(e.cfg.Prefix, feed); p >= 0 {
		e.parts[p].file(message)
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

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}
