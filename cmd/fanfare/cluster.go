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

// membership is this process as a node of a cluster. A nil membership is a process
// that is not in a cluster.
type membership struct {
	engine cluster.Engine
	cfg    cluster.Config
	at     string // addresses of the cluster's Redis servers
	prefix string
	peer   *cluster.Peer // set when the hub is made
	linked atomic.Bool   // every partition has been open at the same time, once
}

// gatherFor is how long client events are collected before they are sent to other
// nodes together.
const gatherFor = 500 * time.Microsecond

// newMembership makes the membership of a configuration; nil without a cluster. It
// does not connect yet. about returns what is sent to other nodes about this one.
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

// maker returns the function with which the hub makes its cluster; nil without a
// cluster.
func (m *membership) maker() func(channels.Node) channels.Cluster {
	if m == nil {
		return nil
	}
	return func(n channels.Node) channels.Cluster {
		m.peer = cluster.NewPeer(n, m.cfg, m.engine)
		return m.peer
	}
}

// ready reports whether the node has joined its cluster. It stays true: a later
// loss of Redis affects all nodes alike, and refusing clients would not help.
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

// degraded returns what is wrong between the node and its cluster, "" if nothing
// is. The text is public (/readyz).
func (m *membership) degraded() string {
	if m == nil {
		return ""
	}
	switch h := m.peer.Health(); {
	case h.Away > 0:
		return "the cluster's Redis cannot be reached"
	case h.Open < cluster.Partitions:
		return "the node is rejoining its cluster"
	}
	return ""
}

// hasOthers reports whether the cluster has another node that is alive and not
// draining.
func hasOthers(h cluster.Health) bool {
	return slices.ContainsFunc(h.Nodes, func(n cluster.NodeHealth) bool {
		_, state := aboutOf(&n)
		return n.Node != h.Node && state == stateAlive
	})
}

// nodes returns how requests of HTTP sessions reach the node that has the session;
// nil without a cluster.
func (m *membership) nodes() sockets.Nodes {
	if m == nil {
		return nil
	}
	return m.peer
}

// eventShare returns the function for this node's share of an app's event rate
// limit, in events a second; nil if the whole limit applies to this node.
func (m *membership) eventShare() func(*apps.App, int) float64 {
	if m == nil {
		return nil
	}
	return m.peer.EventShare
}

// drain prepares the shutdown. It is called before the first socket is closed.
func (m *membership) drain() {
	if m != nil {
		m.peer.Drain()
	}
}

const (
	// handPatience is how long the node may still deliver the webhooks that it has
	// collected, before another node takes them over.
	handPatience = time.Second
	// byePatience is how long the node tries to report to the cluster that it leaves.
	// What it could not report, the other nodes detect ten seconds later.
	byePatience = 2 * time.Second
)

// bye leaves the cluster. It is called after the last socket was closed, or after
// the time for that has passed.
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

// quietAfter is the time without a heartbeat after which a node is shown as quiet:
// two heartbeat intervals.
const quietAfter = 4 * time.Second

// metrics returns the metrics of the cluster, as this node sees it.
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

// clientTLS returns the TLS configuration for the connections to Redis; nil without
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
			return nil, errors.New("cluster.redis.tls.ca_file: the file contains no PEM certificate")
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
