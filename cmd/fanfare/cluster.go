package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/config"
	"fanfare/metrics"
	"fanfare/sockets"
)

// membership is this process's place in a cluster. A nil one is a process on
// its own.
type membership struct {
	engine cluster.Engine
	cfg    cluster.Config
	at     string // where the cluster's servers are
	prefix string
	peer   *cluster.Peer // made with the hub
	linked atomic.Bool   // every partition was open once
}

// gatherFor is how much later other nodes hear what clients send to each other.
const gatherFor = 500 * time.Microsecond

// newMembership makes what a configuration asks for, and reaches nobody yet.
// about describes this node to the other nodes.
func newMembership(cfg *config.Config, registry *apps.Registry, about func() string, log *slog.Logger) (*membership, error) {
	if cfg.Cluster.Driver == config.DriverMemory {
		return nil, nil
	}
	engine, err := newEngine(cfg, registry, log)
	if err != nil {
		return nil, err
	}
	m := &membership{engine: engine, at: strings.Join(cfg.Cluster.Redis.Addresses, ","), prefix: cfg.Cluster.Redis.Prefix}
	m.cfg = cluster.Config{About: about, Logger: log, Gather: gatherFor}
	if cfg.Cluster.OnGap == "keep" {
		m.cfg.OnGap = cluster.GapKeep
	}
	return m, nil
}

// maker is what the hub makes its cluster with, nil for one in memory.
func (m *membership) maker() func(channels.Node) channels.Cluster {
	if m == nil {
		return nil
	}
	return func(n channels.Node) channels.Cluster {
		m.peer = cluster.NewPeer(n, m.cfg, m.engine)
		return m.peer
	}
}

// ready reports whether the node has been a part of its cluster yet. What comes
// between them later troubles all nodes alike, and is no reason to turn clients
// away.
func (m *membership) ready() bool {
	if m == nil || m.linked.Load() {
		return true
	}
	linked := m.peer.Health().Open == cluster.Partitions
	if linked {
		m.linked.Store(true)
	}
	return linked
}

// degraded says in a few words, which anybody may read, what is wrong between
// the node and its cluster.
func (m *membership) degraded() string {
	if m == nil {
		return ""
	}
	switch h := m.peer.Health(); {
	case h.Away > 0:
		return "the servers of the cluster cannot be reached"
	case h.Open < cluster.Partitions:
		return "the node joins its cluster again"
	}
	return ""
}

// hasOthers reports whether another node is there that clients can go to, and stays.
func hasOthers(h cluster.Health) bool {
	return slices.ContainsFunc(h.Nodes, func(n cluster.NodeHealth) bool {
		_, state := aboutOf(&n)
		return n.Node != h.Node && state == stateAlive
	})
}

// nodes is how HTTP sessions reach those of the other nodes.
func (m *membership) nodes() sockets.Nodes {
	if m == nil {
		return nil
	}
	return m.peer
}

// eventShare is how many events of an app with a limit this node may accept a
// second, nil if that is the limit.
func (m *membership) eventShare() func(*apps.App, int) float64 {
	if m == nil {
		return nil
	}
	return m.peer.EventShare
}

// drain is called before the first socket is closed.
func (m *membership) drain() {
	if m != nil {
		m.peer.Drain()
	}
}

const (
	// handPatience is how long the webhooks that the node has in its hands have to
	// be delivered, before another node is given them.
	handPatience = time.Second
	// byePatience is how long the cluster has to take note that the node is gone.
	// Whatever it has not noted by then it sees for itself, ten seconds later.
	byePatience = 2 * time.Second
)

// bye is called after the last socket was closed, also where that took too long.
func (m *membership) bye() {
	m.peer.StopCollecting()
	hand, cancel := context.WithTimeout(context.Background(), handPatience)
	defer cancel()
	for m.peer.Collects() && hand.Err() == nil {
		pause(hand, 20*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), byePatience)
	defer cancel()
	m.peer.Bye(ctx)
}

// quietAfter is how long a node may send nothing before cluster status and the log
// say so: two heartbeats.
const quietAfter = 4 * time.Second

// metrics gives a scrape the node's view.
func (m *membership) metrics() metrics.Cluster { return clusterMetrics(m.peer.Health()) }

func clusterMetrics(h cluster.Health) metrics.Cluster {
	c := metrics.Cluster{
		Open: h.Open, Entering: cluster.Partitions - h.Open - h.Away, Away: h.Away, Young: h.Young, Lag: h.Lag,
		Queued: h.Queued, QueuedBytes: h.QueuedBytes, Operations: h.Operations, RoundTrips: h.RoundTrips, RoundTripTime: h.RoundTripTime,
		Gaps: h.Gaps, Repairs: h.Repairs, Births: h.Births, Overruns: h.Overruns, Dropped: h.Dropped, Deaths: h.Deaths, Overfull: h.Overfull, Misrouted: h.Misrouted,
		Unasked: h.Unasked, Kept: h.Kept, Terms: h.Terms, Boxed: h.Boxed, Handed: h.Handed, Lost: h.Lost,
	}
	for _, n := range h.Nodes {
		switch nodeState(&n) {
		case stateDead:
			c.Dead++
		case stateQuiet:
			c.Quiet++
		default:
			c.Alive++
		}
	}
	return c
}

// clientTLS is the configuration towards the servers of a cluster; nil without
// TLS.
func clientTLS(c config.RedisTLS) (*tls.Config, error) {
	if !c.Enabled {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cluster.redis.tls.ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("cluster.redis.tls.ca_file: holds no certificate in PEM form")
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cluster.redis.tls.cert_file and key_file: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}
