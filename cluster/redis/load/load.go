// Package load measures the throughput of Redis alone with the requests of a
// cluster: it writes events to all partitions as fast as they are answered, and
// reads the pushes, without nodes. The benchmark of clusters compares nodes with
// it.
package load

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/cluster/redis"
)

// Config configures a Load.
type Config struct {
	Address  string
	Prefix   string // of keys and feeds; no other program may use it
	Nodes    int    // connections; events are written over each, and pushed to each
	Channels int    // number of channels that the events are spread over
	Batch    int    // events in one request; each connection has one unanswered request in each partition
	Size     int    // of an event's data, bytes
}

// Load is a running load.
type Load struct {
	cfg     Config
	writers []*writer
	events  atomic.Int64 // answered
	pushed  atomic.Int64
	broken  chan error
}

// Run writes until ctx is done. It calls begun when all connections are up; from
// then on Events and Pushed count.
func Run(ctx context.Context, cfg Config, begun func(*Load)) error {
	if cfg.Nodes < 1 || cfg.Channels < 1 || cfg.Batch < 1 {
		return fmt.Errorf("at least one connection, channel and event a batch are required, not %d, %d and %d", cfg.Nodes, cfg.Channels, cfg.Batch)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := &Load{cfg: cfg, broken: make(chan error, 1)}
	ended := make(chan error, cfg.Nodes)
	linked := make(chan struct{}, cfg.Nodes*cluster.Partitions)
	for i := range cfg.Nodes {
		e, err := redis.New(redis.Config{Addresses: []string{cfg.Address}, Prefix: cfg.Prefix})
		if err != nil {
			return err
		}
		w := &writer{load: l, engine: e, node: ledger.Node(i + 1), linked: linked}
		w.share()
		l.writers = append(l.writers, w)
		go func() { ended <- e.Run(ctx, w) }()
	}
	running := cfg.Nodes
	err := l.run(ctx, linked, ended, &running, begun)
	cancel()
	for ; running > 0; running-- {
		err = errors.Join(err, <-ended)
	}
	return err
}

func (l *Load) run(ctx context.Context, linked <-chan struct{}, ended <-chan error, running *int, begun func(*Load)) error {
	patience := time.After(30 * time.Second)
	for left := l.cfg.Nodes * cluster.Partitions; left > 0; {
		select {
		case <-linked:
			left--
		case err := <-ended:
			*running--
			return errors.Join(errors.New("a connection has ended"), err)
		case err := <-l.broken:
			return err
		case <-patience:
			return errors.New("the server does not answer")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, w := range l.writers {
		for p := range w.partitions {
			w.write(cluster.Partition(p))
		}
	}
	begun(l)
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.broken:
		if ctx.Err() != nil {
			return nil
		}
		return err
	case err := <-ended:
		*running--
		return errors.Join(errors.New("a connection has ended"), err)
	}
}

// Events returns how many events were written and answered so far.
func (l *Load) Events() int64 { return l.events.Load() }

// Pushed returns how often an event was pushed so far.
func (l *Load) Pushed() int64 { return l.pushed.Load() }

// writer is one connection. It implements cluster.Upcalls; calls about one
// partition are made one after the other.
type writer struct {
	load       *Load
	engine     *redis.Engine
	node       ledger.Node
	linked     chan<- struct{}
	partitions [cluster.Partitions]share
}

// share is a writer's state in one partition.
type share struct {
	subjects []ledger.Subject
	epoch    uint32
	n        uint64
}

// share assigns the channels to their partitions.
func (w *writer) share() {
	for i := range w.load.cfg.Channels {
		s := ledger.Subject{Kind: ledger.Channel, App: "bench", Name: fmt.Sprintf("bench-cluster-%d", i)}
		p := &w.partitions[cluster.PartitionOf(s)]
		p.subjects = append(p.subjects, s)
	}
}

// Up implements cluster.Upcalls.
func (w *writer) Up(p cluster.Partition) {
	for _, s := range w.partitions[p].subjects {
		w.engine.Watch(p, s)
	}
	w.engine.Send(p, ledger.Link{Node: w.node, First: w.partitions[p].n + 1})
}

// Down implements cluster.Upcalls.
func (w *writer) Down(_ cluster.Partition, why error) { w.fail(why) }

// Answer implements cluster.Upcalls: it sends the next batch, as a node does.
func (w *writer) Answer(p cluster.Partition, r ledger.Request, a ledger.Answer) {
	s := &w.partitions[p]
	switch r := r.(type) {
	case ledger.Link:
		s.epoch = a.Standing.Epoch
		w.engine.Send(p, ledger.Do{Node: w.node, Epoch: s.epoch, Ops: w.hold(s)})
	case ledger.Do:
		if a.Link || a.Standing.N != s.n {
			w.fail(fmt.Errorf("partition %d applied only %d of %d ops (link: %v)", p, a.Standing.N, s.n, a.Link))
			return
		}
		if r.Ops[len(r.Ops)-1].Kind == ledger.OpDone {
			w.linked <- struct{}{}
			return
		}
		w.load.events.Add(int64(len(r.Ops)))
		w.write(p)
	}
}

// hold returns ops that report a subscriber on each channel, and that this is all.
func (w *writer) hold(s *share) (ops []ledger.Op) {
	for _, subject := range s.subjects {
		s.n++
		ops = append(ops, ledger.Op{N: s.n, Kind: ledger.OpHold, Subject: subject, Sockets: 1})
	}
	s.n++
	return append(ops, ledger.Op{N: s.n, Kind: ledger.OpDone})
}

// write sends the next batch of a partition that has channels.
func (w *writer) write(p cluster.Partition) {
	s := &w.partitions[p]
	if len(s.subjects) == 0 {
		return
	}
	ops := make([]ledger.Op, w.load.cfg.Batch)
	for i := range ops {
		s.n++
		subject := s.subjects[s.n%uint64(len(s.subjects))]
		ops[i] = ledger.Op{N: s.n, Kind: ledger.OpEvent, Subject: subject, Payload: w.load.payload(subject.Name)}
	}
	w.engine.Send(p, ledger.Do{Node: w.node, Epoch: s.epoch, Ops: ops})
}

func (l *Load) payload(channel string) []byte {
	return []byte(`{"event":"bench","channel":"` + channel + `","data":"` + strings.Repeat("x", l.cfg.Size) + `"}`)
}

// Push implements cluster.Upcalls.
func (w *writer) Push(_ cluster.Partition, e *ledger.Entry) {
	if e.Kind == ledger.EntryEvent {
		w.load.pushed.Add(1)
	}
}

// Told implements cluster.Upcalls.
func (w *writer) Told([]byte) {}

// Beats implements cluster.Upcalls.
func (w *writer) Beats([]cluster.Beat, bool) {}

func (w *writer) fail(err error) {
	select {
	case w.load.broken <- err:
	default:
	}
}

var _ cluster.Upcalls = (*writer)(nil)
