package sim

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// Config is the configuration of a World. A zero field means the default in brackets.
type Config struct {
	Seed           uint64
	Nodes          int           // [3]
	Servers        int           // servers that share the partitions [1]
	Partitions     int           // partitions in use; the others cannot be reached [4]
	Latency        time.Duration // maximum time of a message in one direction [4 ms]
	Late           time.Duration // maximum delay of bytes in transit on a closed connection [8 s]
	Reply          time.Duration // an engine closes a connection on which an answer takes longer [5 s]
	MaxMembers     int           // of a presence channel; 0 means no limit
	MaxConnections int           // sockets; 0 means no limit
	OnGap          cluster.Gap
	Readers        int       // number of pages on channels with a history
	Mutation       *Mutation // a planted bug; nil means none
	Trace          bool      // record a trace for the Failure

	APIPatience time.Duration // how long a back end waits for an answer [20 s]
}

// World is a simulated cluster with its clients and back ends.
type World struct {
	cfg             Config
	random          *rand.Rand
	now             time.Duration
	clock           atomic.Int64 // now, for questions on other goroutines
	queue           queue
	app             apps.App
	crowd           crowd
	servers         []*server
	nodes           []*node // including dead nodes
	tabs            []*tab
	backend         *backend
	hooks           *hooks
	readers         *readers
	channels, users []string // their names

	mutation *Mutation
	tracing  bool
	trace    trace

	started, runs, serial, refused, requests, steps int
	rested                                          time.Duration // time of the last rest
	staying                                         map[place]int // sockets of a user on a channel that stayed since the last rest
	terminations                                    []*termination
	said                                            []said // client events since the last rest
	reference                                       *reference
	record                                          map[string][]step
	split                                           bool // since the last rest two servers accepted events at once, so in two orders
	lossy                                           bool // since then a server lost data that it had accepted
	forgot                                          bool // since then a server lost all data: later sockets know only users whose nodes have reported them again
	filled                                          bool // since then a server was out of memory: client events reach only sockets on their own node
	newcomer                                        bool // since then a node started
	lossless                                        bool // every socket must receive all steps since then

	lastFrame *channels.Frame
	lastTold  told
}

// place is a user on a channel.
type place struct{ channel, user string }

// said is a client event.
type said struct {
	from    *socket
	n       int
	channel string
	at      time.Duration
}

// Failure is the error of a run in which a check failed.
type Failure struct {
	Seed    uint64
	Step    int
	At      time.Duration
	Channel string
	Text    string
	Trace   []string
}

func (f *Failure) Error() string {
	text := fmt.Sprintf("seed %d, step %d, after %v: %s", f.Seed, f.Step, f.At, f.Text)
	for _, line := range f.Trace {
		text += "\n\t" + line
	}
	return text
}

// NewWorld starts servers and nodes, without clients.
func NewWorld(cfg Config) *World {
	cfg.Nodes = cmp.Or(cfg.Nodes, 3)
	cfg.Servers = cmp.Or(cfg.Servers, 1)
	cfg.Partitions = cmp.Or(cfg.Partitions, 4)
	cfg.Latency = cmp.Or(cfg.Latency, 4*time.Millisecond)
	cfg.Late = cmp.Or(cfg.Late, 8*time.Second)
	cfg.Reply = cmp.Or(cfg.Reply, 5*time.Second)
	cfg.APIPatience = cmp.Or(cfg.APIPatience, 20*time.Second)
	w := &World{
		cfg: cfg, random: rand.New(rand.NewPCG(cfg.Seed, 0x5eed)), app: apps.Default(),
		staying: map[place]int{}, record: map[string][]step{}, lossless: true, tracing: cfg.Trace, mutation: cfg.Mutation,
	}
	if w.mutation == nil {
		w.mutation = &Mutation{}
	}
	w.app.ID, w.app.Keys = appID, []apps.Key{{Key: "key", Secret: "secret"}}
	w.app.SubscriptionCount = true
	w.app.Limits.ClientEventsPerSecond, w.app.Limits.SubscribesPerSecond = 0, 0
	w.app.Limits.MaxPresenceMembers, w.app.Limits.MaxConnections = cfg.MaxMembers, cfg.MaxConnections
	w.name()
	w.readers = w.newReaders()
	w.backend = w.newBackend()
	w.hooks = newHooks(w)
	w.reference = w.newReference()
	for i := range cfg.Servers {
		w.servers = append(w.servers, newServer(w, i))
	}
	for range cfg.Nodes {
		w.startNode()
	}
	return w
}

// startNode starts a process with an id of its own.
func (w *World) startNode() *node {
	w.started++
	w.newcomer = true
	id := w.random.Uint64() &^ (cluster.Partitions - 1)
	n := &node{w: w, index: w.started, id: ledger.Node(id | uint64(w.started%w.cfg.Partitions))} // it listens in a partition that is in use
	n.clock = time.Duration(w.random.Int64N(int64(20*time.Hour))) - 10*time.Hour
	now := func() time.Time { return time.Unix(1_700_000_000, 0).Add(time.Duration(w.clock.Load()) + n.clock) }
	n.losses.begin()
	n.hub = channels.New(channels.Config{Now: now, Cluster: func(hub channels.Node) channels.Cluster {
		n.peer = cluster.NewPeer(hub, w.mutation.config(cluster.Config{
			Node: n.id, About: n.String, Now: now, Logger: slog.New(&n.losses), OnGap: w.cfg.OnGap, Hooks: nodeHooks{n}, Desk: nodeDesk{n},
		}), n)
		n.up = n.peer
		return n.peer
	}})
	for range 2 {
		l := &loop{n: n}
		n.loops = append(n.loops, l)
		n.hub.AddOwner(l)
	}
	w.nodes = append(w.nodes, n)
	for _, s := range w.servers {
		l := &link{node: n, server: s}
		n.links = append(n.links, l)
		w.after(w.jitter(100*time.Millisecond), func() { n.do(l.connect) })
	}
	w.turn(n)
	return n
}

// turn calls a peer's timer about ten times a second.
func (w *World) turn(n *node) {
	w.after(50*time.Millisecond+w.jitter(100*time.Millisecond), func() {
		if n.dead {
			return
		}
		n.do(n.peer.Turn)
		w.turn(n)
	})
}

func (w *World) at(t time.Duration, run func()) { w.queue.add(max(t, w.now), run) }

func (w *World) after(d time.Duration, run func()) { w.queue.add(w.now+d, run) }

// jitter is a random time below d.
func (w *World) jitter(d time.Duration) time.Duration {
	return time.Duration(w.random.Int64N(int64(d)) + 1)
}

// latency returns the random time that a message takes, usually short.
func (w *World) latency() time.Duration {
	d := w.jitter(w.cfg.Latency)
	if w.random.IntN(4) > 0 {
		d /= 8
	}
	return d + 1
}

// pass lets virtual time pass.
func (w *World) pass(d time.Duration) { w.until(w.now + d) }

// tooMuch is a number of functions that only an endless loop can reach in one call of
// until.
const tooMuch = 2_000_000

func (w *World) until(t time.Duration) {
	for n := 0; len(w.queue.due) > 0 && w.queue.due[0].at <= t; n++ {
		if n == tooMuch {
			w.failf("", "%d functions ran within %v: probably an endless loop", n, t-w.now)
		}
		next := w.queue.next()
		w.set(next.at)
		next.run()
	}
	w.set(max(w.now, t))
}

func (w *World) set(now time.Duration) {
	w.now = now
	w.clock.Store(int64(now))
}

// anyNode returns a random node for which will is true, nil if there is none.
func (w *World) anyNode(will func(*node) bool) *node {
	n := 0
	for _, o := range w.nodes {
		if will(o) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	n = w.random.IntN(n)
	for _, o := range w.nodes {
		if will(o) {
			if n == 0 {
				return o
			}
			n--
		}
	}
	return nil
}

func (w *World) nodeOf(id ledger.Node) *node {
	i := slices.IndexFunc(w.nodes, func(n *node) bool { return n.id == id })
	if i < 0 {
		return nil
	}
	return w.nodes[i]
}

// appended is called for each entry of a ledger.
func (w *World) appended(in *instance, p cluster.Partition, e *ledger.Entry) {
	switch e.Kind {
	case ledger.EntryStruck:
		w.lostFaith(e.Node)
	case ledger.EntryEvent:
		if e.Op.Client {
			break
		}
		if t, ok := read(string(e.Op.Payload)); ok && t.from > 0 && t.from <= len(w.backend.all) {
			ev := w.backend.all[t.from-1].events[t.n-1]
			in.accepted = append(in.accepted, ev)
			ev.missed = ev.missed || in.demoted
		}
	}
	w.readers.appended(in.memory, e)
	if !in.demoted {
		w.note(p, e)
	}
}

// deathAfter is how long a node's beats must be missing before it may be declared
// dead, while the server that has the table of beats runs.
const deathAfter = 10 * time.Second

// beatLost is how much shorter that time is if a server lost a node's last beat.
const beatLost = 2200 * time.Millisecond

// marked is called when a node is declared dead.
func (w *World) marked(in *instance, by *node, dead ledger.Node) {
	n := w.nodeOf(dead)
	if n == nil {
		return
	}
	w.tracef("", "%s declares %s dead", by, n)
	least := deathAfter
	if w.lossy {
		least -= beatLost
	}
	if quiet := w.now - n.beaten; by != n && !in.demoted && quiet < least { // a node that says bye marks itself
		w.failf("", "%s declares %s dead, whose beats were missing for only %v", by, n, quiet)
	}
	w.lostFaith(dead)
}

// lostFaith is called when a node is declared dead, correctly or not: member_removed
// events for its users are allowed from now on.
func (w *World) lostFaith(id ledger.Node) {
	n := w.nodeOf(id)
	if n == nil {
		return
	}
	n.struck = true
	for _, s := range n.sockets {
		for _, name := range s.names {
			s.heard[name].leaves()
		}
	}
}

// failf ends the run with a Failure: a check failed.
func (w *World) failf(channel, format string, args ...any) {
	panic(&Failure{Seed: w.cfg.Seed, Step: w.steps, At: w.now, Channel: channel, Text: fmt.Sprintf(format, args...), Trace: w.trace.about(channel)})
}
