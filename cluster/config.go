package cluster

import (
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"time"

	"fanfare/cluster/ledger"
)

// Gap says what becomes of the sockets on a channel whose events may have been
// missed.
type Gap uint8

// The policies. Close closes them with 4200, so that clients come back at once
// and ask for what they missed. Keep leaves them, and counts.
const (
	GapClose Gap = iota
	GapKeep
)

// Config is what a Peer is made of. The zero value works.
type Config struct {
	// Node is the id of the process; 0 draws one.
	Node ledger.Node
	// About returns what this node reports about itself with each heartbeat: its
	// name, its version and what it holds, for people. Nil reports nothing.
	About func() string
	// Now is the clock; nil is time.Now. Only differences count.
	Now func() time.Time
	// Logger logs links, gaps and deaths. Nil logs nothing.
	Logger *slog.Logger
	OnGap  Gap
	Hooks  Hooks // nil: there are no webhooks
	Desk   Desk  // nil: other nodes' questions are not answered
	// Gather is the time for which client events are collected before they are
	// sent to other nodes together; 0 sends each at once. Sockets of this node
	// have received them by then, and do not share the processor with the
	// sending.
	Gather time.Duration

	// The durations of the protocol; 0 means the default in brackets.
	JoinPatience time.Duration // a join is answered without the ledger after it [2 s]
	SendPatience time.Duration // an event that was not written is withdrawn after it [2 s]
	DoubtAfter   time.Duration // and one that was written is in doubt after so much more [5 s]
	QueueAge     time.Duration // what waits for a partition that is away is dropped after it [15 s]
	QueueBytes   int64         // or when all that waits takes more [64 MiB]
	DeathAfter   time.Duration // a counter that stands still for so long is a dead node's [10 s]
	BeatEvery    time.Duration // [2 s]
	BeatLate     time.Duration // an own beat without an answer for so long ends all observations [4 s]
	PollEvery    time.Duration // an idle partition is asked for its head [2 s]
	TickEvery    time.Duration // interval at which a partition's ledger receives the time [1 s]
	Linger       time.Duration // a feed stays on after the last who needed it [15 s]
}

func orDefault[T comparable](v *T, standard T) {
	if none := *new(T); *v == none {
		*v = standard
	}
}

// about is what is said of the node, never "": that says that it has left.
func (c *Config) about() string {
	if c.About != nil {
		if text := c.About(); text != "" {
			return text
		}
	}
	return nodeName(c.Node)
}

// withDefaults fills in what is not given.
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

// randomNode is an id that nobody else has: 64 random bits, not all 0.
func randomNode() ledger.Node {
	for {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		if n := binary.BigEndian.Uint64(b[:]); n != 0 {
			return ledger.Node(n)
		}
	}
}
