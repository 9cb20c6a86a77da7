package sim

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// server is an address that nodes connect to. What runs there is an instance:
// one run of a server's program. A restart or a failover replaces it.
type server struct {
	w     *World
	index int
	live  *instance
	old   []*instance // demoted ones
	dump  *memory     // the last dump, from which it may restart
}

// memory is the data of a server, which may survive a restart.
type memory struct {
	ledgers  []*ledger.Ledger // by partition; nil where another server has it
	beats    []cluster.Beat
	accepted []*published           // events of back ends, since the last rest
	kept     map[string][]keptTruth // of channels with a history
}

func (m *memory) clone() *memory {
	c := &memory{ledgers: make([]*ledger.Ledger, len(m.ledgers)), beats: slices.Clone(m.beats), accepted: slices.Clone(m.accepted), kept: maps.Clone(m.kept)}
	for i, l := range m.ledgers {
		if l != nil {
			c.ledgers[i] = l.Clone()
		}
	}
	return c
}

// instance is one run of a server.
type instance struct {
	server *server
	run    ledger.Run
	*memory
	clock   time.Duration // how far its clock is ahead
	paused  bool
	full    bool          // out of memory
	stopped time.Duration // when it was paused
	gone    bool
	// demoted servers still accept what nodes send, which is lost.
	demoted bool
	conns   []*conn
	feeds   map[ledger.Subject][]*conn

	listeners map[ledger.Node]*conn
}

func newServer(w *World, index int) *server {
	s := &server{w: w, index: index}
	s.live = s.start(s.empty())
	s.dump = s.live.clone()
	return s
}

// empty returns a memory without data.
func (s *server) empty() *memory {
	m := &memory{ledgers: make([]*ledger.Ledger, s.w.cfg.Partitions)}
	for p := range m.ledgers {
		if p%s.w.cfg.Servers == s.index {
			m.ledgers[p] = ledger.New()
			if s.w.cfg.Readers > 0 {
				m.ledgers[p].PageBytes = 1500 // so that a history has several pages
			}
		}
	}
	return m
}

// start starts an instance with a new run id.
func (s *server) start(m *memory) *instance {
	s.w.runs++
	return &instance{
		server: s, run: ledger.Run(fmt.Sprintf("run-%d", s.w.runs)), memory: m,
		feeds: map[ledger.Subject][]*conn{}, listeners: map[ledger.Node]*conn{},
		clock: time.Duration(s.w.random.Int64N(int64(4*time.Hour))) - 2*time.Hour,
	}
}

// replace ends the running instance at once and starts another with the data of m.
func (s *server) replace(m *memory) {
	old := s.live
	s.w.lose(old.memory, m)
	s.w.forgot = s.w.forgot || old.memory != m
	s.live = s.start(m)
	old.end()
}

// failOver promotes another instance with the data of m. Nodes stay connected to the
// old one, which still serves them, until they notice.
func (s *server) failOver(m *memory) {
	old, w := s.live, s.w
	w.lose(old.memory, m)
	s.live = s.start(m)
	old.demoted, w.split = true, true
	s.old = append(s.old, old)
	for _, c := range slices.Clone(old.conns) {
		w.after(w.jitter(6*time.Second), func() { c.hangUp("the server is no master any more") })
	}
	w.after(7*time.Second, old.end)
}

// endOld ends demoted servers that nodes still write to.
func (s *server) endOld() {
	for _, in := range s.old {
		in.end()
	}
	s.old = nil
}

// end cuts all connections of an instance.
func (in *instance) end() {
	in.gone = true
	for _, c := range slices.Clone(in.conns) {
		c.upward = nil
		c.hangUp("the server ended")
	}
	in.conns, in.feeds = nil, nil
}

// beatLate is the pause of a server after which no node can have received an answer to
// a beat within 4 s.
const beatLate = 6 * time.Second

func (in *instance) pause() { in.paused, in.stopped = true, in.server.w.now }

func (in *instance) resume() {
	if !in.paused {
		return
	}
	in.paused = false
	if w := in.server.w; in == w.servers[0].live && w.now-in.stopped > beatLate { // it has the table of beats: no node has received an answer to a beat
		for _, n := range w.nodes {
			n.beaten = w.now
		}
	}
	for _, c := range slices.Clone(in.conns) {
		c.pumpUp()
	}
}

// wipe deletes all data, like FLUSHALL: connections and feeds stay.
func (in *instance) wipe() {
	next := in.server.empty()
	in.server.w.lose(in.memory, next)
	in.memory, in.server.w.forgot = next, true
}

// carryOut lets the ledger of a partition handle a request that arrived over c.
func (in *instance) carryOut(c *conn, p cluster.Partition, r ledger.Request) {
	w := in.server.w
	w.requests++
	now := (w.now + in.clock + 3*time.Hour).Milliseconds()
	fresh := ledger.Birth(w.random.Uint64() | 1)
	if do, is := r.(ledger.Do); is {
		do.Full = in.full
		r = do
	}
	l := in.ledgers[p]
	_, boxed := l.Outbox(math.MaxUint64)
	answer, entries := w.mutation.handle(l, c.run, fresh, now, r)
	w.readers.born(answer.Birth, in.memory)
	if w.tracing {
		w.tracef(subjectOf(r), "%s carries out %s", in.run, describeRequest(c.node, p, r, answer))
	}
	first := w.random.IntN(2) == 0 // engines differ in whether a push arrives before the answer to its cause
	if first {
		in.publish(p, entries)
	}
	c.answer(p, r, answer)
	if !first {
		in.publish(p, entries)
	}
	w.hooks.look(in, l, boxed)
}

// publish pushes entries to the connections that watch their subject.
func (in *instance) publish(p cluster.Partition, entries []*ledger.Entry) {
	for _, e := range entries {
		in.server.w.appended(in, p, e)
		to := in.conns
		if e.Kind != ledger.EntryEntered && e.Kind != ledger.EntryStruck {
			to = in.feeds[e.Op.Subject]
		}
		for _, c := range to {
			c.push(p, e)
		}
	}
}

func (in *instance) watch(c *conn, s ledger.Subject) {
	if !slices.Contains(in.feeds[s], c) {
		in.feeds[s] = append(in.feeds[s], c)
	}
}

func (in *instance) unwatch(c *conn, s ledger.Subject) {
	in.feeds[s] = slices.DeleteFunc(in.feeds[s], func(o *conn) bool { return o == c })
	if len(in.feeds[s]) == 0 {
		delete(in.feeds, s)
	}
}

// pass delivers a message of a node to another, if that listens on this instance.
func (in *instance) pass(to ledger.Node, message []byte) {
	if c := in.listeners[to]; c != nil {
		c.reply(func() { c.node.up.Told(bytes.Clone(message)) })
	}
}

// forget removes a connection from the instance, its feeds and its listeners.
func (in *instance) forget(c *conn) {
	in.conns = slices.DeleteFunc(in.conns, func(o *conn) bool { return o == c })
	for s := range in.feeds {
		in.unwatch(c, s)
	}
	maps.DeleteFunc(in.listeners, func(_ ledger.Node, o *conn) bool { return o == c })
}

// beat writes a node's counter.
func (m *memory) beat(b cluster.Beat) []cluster.Beat {
	if i := m.line(b.Node); i >= 0 {
		m.beats[i] = b
	} else {
		m.beats = append(m.beats, b)
	}
	return slices.Clone(m.beats)
}

// mark declares a node dead if its counter has not moved.
func (m *memory) mark(k cluster.Mark) (all []cluster.Beat, done bool) {
	i := m.line(k.Node)
	switch {
	case i < 0 && k.Count == 0:
		m.beats = append(m.beats, cluster.Beat{Node: k.Node, Dead: true, About: k.About})
		done = true
	case i >= 0 && m.beats[i].Count == k.Count:
		if m.beats[i].Dead = true; m.beats[i].About == "" {
			m.beats[i].About = k.About
		}
		done = true
	}
	return slices.Clone(m.beats), done
}

func (m *memory) line(n ledger.Node) int {
	return slices.IndexFunc(m.beats, func(b cluster.Beat) bool { return b.Node == n })
}
