package cluster

import (
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"time"

	"fanfare/cluster/ledger"
)

// Gap is the policy for sockets on a channel whose events may have been missed.
type Gap uint8

// The policies. Close closes the sockets with 4200, so that clients reconnect at
// once and recover what they missed. Keep leaves them connected. Both count the
// gap.
const (
	GapClose Gap = iota
	GapKeep
)

// Config configures a Peer. The zero value works.
type Config struct {
	// Node is the id of the process; 0 means a random id.
	Node ledger.Node
	// About returns a description of this node for people, sent with each
	// heartbeat: its name, its version and what it holds. Nil sends no description.
	About func() string
	// Now is the clock; nil means time.Now. Only differences between its results
	// matter.
	Now func() time.Time
	// Logger logs connections, gaps and dead nodes. Nil logs nothing.
	Logger *slog.Logger
	OnGap  Gap
	Hooks  Hooks // nil means no webhooks
	Desk   Desk  // nil means that questions of other nodes are not answered
	// Gather is the time for which client events are collected before they are
	// sent to other nodes together; 0 sends each at once. Sockets of this node
	// have received them by then, and do not share the processor with the
	// sending.
	Gather time.Duration

	// The durations of the protocol, and a limit; 0 means the default in brackets.
	JoinPatience time.Duration // a join that has waited so long is answered without the ledger [2 s]
	SendPatience time.Duration // an event that was not written within it is withdrawn [2 s]
	DoubtAfter   time.Duration // further time to wait for the answer to an event that was written [5 s]
	QueueAge     time.Duration // ops that have waited so long for an unreachable partition are dropped [15 s]
	QueueBytes   int64         // maximum bytes of waiting ops; above it they are dropped [64 MiB]
	DeathAfter   time.Duration // a node whose counter has not changed for so long is dead [10 s]
	BeatEvery    time.Duration // interval of heartbeats [2 s]
	BeatLate     time.Duration // a heartbeat of this node that is unanswered for so long restarts all observations of others [4 s]
	PollEvery    time.Duration // interval at which an idle partition is asked for its head [2 s]
	TickEvery    time.Duration // interval at which a partition's ledger receives the time [1 s]
	Linger       time.Duration // a feed stays open for so long after its last user has left [15 s]
}

func orDefault[T comparable](v *T, standard T) {
	if none := *new(T); *v == none {
		*v = standard
	}
}

// about returns the description of the node. It is never "", which says that the
// node has left.
func (c *Config) about() string {
	if c.About != nil {
		if text := c.About(); text != "" {
			return text
		}
	}
	return nodeName(c.Node)
}

// withDefaults replaces zero values by the defaults.
func (c Config) withDefaults() Config {
	if c.Node == 0 {
		c.Node = randomNode()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	orDefault(&c.JoinPatience, 2*time.Second)
	orDefault(&c.SendPatience, 2*time.Second)
	orDefault(&c.DoubtAfter, 5*time.Second)
	orDefault(&c.QueueAge, 15*time.Second)
	orDefault(&c.QueueBytes, 64<<20)
	orDefault(&c.DeathAfter, 10*time.Second)
	orDefault(&c.BeatEvery, 2*time.Second)
	orDefault(&c.BeatLate, 4*time.Second)
	orDefault(&c.PollEvery, 2*time.Second)
	orDefault(&c.TickEvery, time.Second)
	orDefault(&c.Linger, 15*time.Second)
	return c
}

// randomNode returns 64 random bits, not all 0.
func randomNode() ledger.Node {
	for {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		if n := binary.BigEndian.Uint64(b[:]); n != 0 {
			return ledger.Node(n)
		}
	}
}
