package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/internal/testkit/deadline"
	"fanfare/internal/testkit/logbook"
)

// desk runs an Engine and notes its upcalls, one line each, of one partition.
type desk struct {
	*Engine
	t    testing.TB
	part cluster.Partition
	log  *logbook.Book
	end  context.CancelFunc
	wait func() error // for Run to end

	mu     sync.Mutex
	events []string
	more   chan struct{}
	ups    int // partitions that are up
	last   ledger.Answer
}

func start(t testing.TB, addr string, change ...func(*Config)) *desk {
	t.Helper()
	d := &desk{t: t, part: 7, more: make(chan struct{}), log: logbook.New(-4)}
	cfg := Config{Addresses: []string{addr}, Logger: d.log.Logger}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if d.Engine, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, d) }()
	d.end = cancel
	d.wait = sync.OnceValue(func() error {
		select {
		case err := <-ended:
			return err
		case <-time.After(deadline.Long):
			return fmt.Errorf("Run does not end")
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = d.wait()
	})
	return d
}

func (d *desk) note(p cluster.Partition, f func(), format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f != nil {
		f()
	}
	if p == d.part && format != "" {
		d.events = append(d.events, fmt.Sprintf(format, args...))
	}
	close(d.more)
	d.more = make(chan struct{})
}

func (d *desk) Up(p cluster.Partition) { d.note(p, func() { d.ups++ }, "up") }
func (d *desk) Down(p cluster.Partition, why error) {
	d.note(p, func() { d.ups-- }, "down: %v", why)
}

func (d *desk) Answer(p cluster.Partition, r ledger.Request, a ledger.Answer) {
	d.note(p, func() { d.last = a }, "answer %T head=%d link=%v status=%d n=%d full=%v", r, a.Head, a.Link, a.Standing.Status, a.Standing.N, a.Full)
}

func (d *desk) Push(p cluster.Partition, e *ledger.Entry) {
	d.note(p, nil, "push %d kind=%d n=%d %s", e.Seq, e.Kind, e.Op.N, e.Op.Payload)
}

func (d *desk) Told(message []byte) { d.note(d.part, nil, "told %s", message) }

func (d *desk) Beats(all []cluster.Beat, ok bool) {
	slices.SortFunc(all, func(a, b cluster.Beat) int { return strings.Compare(a.About, b.About) })
	d.note(d.part, nil, "beats %v %+v", ok, all)
}

// forget drops what came so far.
func (d *desk) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = nil
}

// until waits for a condition under the lock.
func (d *desk) until(what string, is func() bool) {
	d.t.Helper()
	late := time.After(deadline.Long)
	for {
		d.mu.Lock()
		ok, more, events := is(), d.more, strings.Join(d.events, "\n")
		d.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-late:
			d.t.Fatalf("no %s after\n%s", what, events)
		}
	}
}

func (d *desk) untilUp() {
	d.t.Helper()
	d.until("partitions that are up", func() bool { return d.ups == cluster.Partitions })
}

// expect waits for an event that begins so, and forgets it and those before.
func (d *desk) expect(begins string) (event string) {
	d.t.Helper()
	d.until(fmt.Sprintf("%q", begins), func() bool {
		at := slices.IndexFunc(d.events, func(e string) bool { return strings.HasPrefix(e, begins) })
		if at < 0 {
			return false
		}
		event, d.events = d.events[at], d.events[at+1:]
		return true
	})
	return event
}

// next waits for the events to be these.
func (d *desk) next(want ...string) {
	d.t.Helper()
	d.until(fmt.Sprintf("%q", want), func() bool { return len(d.events) >= len(want) })
	d.mu.Lock()
	defer d.mu.Unlock()
	if got := d.events[:len(want)]; !slices.Equal(got, want) {
		d.t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	d.events = d.events[len(want):]
}

func (d *desk) link(id ledger.Node) uint32 {
	d.t.Helper()
	d.Send(d.part, ledger.Link{Node: id, First: 1})
	d.expect("answer ledger.Link")
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last.Standing.Epoch
}

func event(n uint64, text string) ledger.Op {
	return ledger.Op{N: n, Kind: ledger.OpEvent, Subject: room, Payload: []byte(text)}
}

func TestEngine_AnswersAndPushesInOrder(t *testing.T) {
	s := startServer(t)
	a, b := start(t, s.addr()), start(t, s.addr())
	a.untilUp()
	b.untilUp()
	b.Watch(b.part, room)
	b.Send(b.part, ledger.GetState{Subject: room})
	b.expect("answer ledger.GetState head=0")
	epoch := a.link(5)
	a.Watch(a.part, room)
	const n = 2000
	for i := range uint64(n) {
		a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(i+1, "x")}})
		a.Send(a.part, ledger.GetState{Subject: room})
	}
	for _, d := range []*desk{a, b} {
		d.until("last push", func() bool { return slices.Contains(d.events, fmt.Sprintf("push %d kind=2 n=%d x", n, n)) })
		d.mu.Lock()
		events := slices.Clone(d.events)
		d.mu.Unlock()
		var seq, head uint64
		for _, e := range events {
			var got uint64
			if _, err := fmt.Sscanf(e, "push %d", &got); err == nil {
				if seq++; got != seq {
					t.Fatalf("push %d after %d", got, seq-1)
				}
			} else if _, err := fmt.Sscanf(e, "answer ledger.GetState head=%d", &got); err == nil {
				if head++; got != head || got != seq {
					t.Fatalf("%q comes as number %d, after push %d", e, head, seq)
				}
			}
		}
	}
	a.Unwatch(a.part, room)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(n+1, "y")}})
	a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
	a.expect("answer ledger.Poll")
	b.expect(fmt.Sprintf("push %d kind=2", n+1))
	if strings.Contains(strings.Join(a.events, "\n"), "y") {
		t.Errorf("a feed that has ended goes on: %q", a.events)
	}
}

func TestEngine_LostScriptsAreLoadedAgain(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	ask(t, s.client(), "SCRIPT", "FLUSH")
	a.Watch(a.part, room)
	for i := range uint64(3) {
		a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(i+1, "x")}})
	}
	a.expect("answer ledger.Do head=2 link=false status=1 n=3")
	if strings.Contains(strings.Join(a.events, "\n"), "down") {
		t.Error(a.events)
	}
}

func TestEngine_FullServerTakesLeavesAndRefusesEvents(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	hold := func(n uint64, sockets int, on []ledger.Member, off []string) ledger.Op {
		return ledger.Op{N: n, Kind: ledger.OpHold, Subject: room, Sockets: sockets, On: on, Off: off}
	}
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{hold(1, 1, []ledger.Member{{User: "u"}}, nil)}})
	a.expect("answer ledger.Do")
	ask(t, s.client(), "CONFIG", "SET", "maxmemory", "1")
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(2, "x"), hold(3, 0, nil, []string{"u"}), hold(4, 1, []ledger.Member{{User: "v"}}, nil)}})
	a.Send(a.part, ledger.GetState{Subject: room})
	a.expect("answer ledger.Do head=1 link=false status=1 n=4 full=[2]")
	a.expect("answer ledger.GetState")
	if st := a.last.State; len(st.Members) != 0 || len(st.Facts) != 1 {
		t.Errorf("state %+v", st)
	}
	for n := range uint64(5) {
		a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(5+n, "x")}})
		a.expect(fmt.Sprintf("answer ledger.Do head=3 link=false status=1 n=%d full=[%d]", 5+n, 5+n))
	}
	if n := a.log.Count("level=WARN", `msg="the cluster's redis is out of memory and refuses events and new members"`, "partition=7"); n != 1 {
		t.Errorf("it is said %d times at once", n)
	}
	start(t, s.addr()).untilUp() // a node may come
	ask(t, s.client(), "CONFIG", "SET", "maxmemory", "0")
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(10, "x")}})
	a.expect("answer ledger.Do head=3 link=false status=1 n=10 full=[]")
}

func TestEngine_RestartWithAndWithoutData(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x"), {N: 2, Kind: ledger.OpDone}}})
	a.expect("answer ledger.Do")
	birth := a.last.Birth

	ask(t, s.client(), "SAVE")
	s.stop()
	a.expect("down")
	s.start()
	a.expect("up")
	a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
	a.expect("answer ledger.Poll head=2 link=true status=1 n=2")
	if a.last.Birth == birth {
		t.Error("the birth is the same under another run")
	}

	ask(t, s.client(), "FLUSHALL")
	s.stop()
	a.expect("down")
	s.start()
	a.expect("up")
	a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
	a.expect("answer ledger.Poll head=2 link=true status=1 n=2") // from the file: nothing is saved on the way
	s.stop()
	s.wipe()
	s.start()
	a.expect("up")
	a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
	a.expect("answer ledger.Poll head=0 link=true status=0 n=0")
}

func TestEngine_SilentServerIsLeftAndFoundAgain(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	s.signal(syscall.SIGSTOP)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x")}})
	a.expect("down: the server did not answer for 5s")
	s.signal(syscall.SIGCONT)
	a.expect("up")
	// The script was written before the break, and was carried out after it.
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x")}})
	a.expect("answer ledger.Do head=1 link=false status=1 n=1")
}

func TestEngine_OverrunPartitionBeginsAnew(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	a.Watch(a.part, room)
	a.Send(a.part, ledger.GetState{Subject: room})
	a.expect("answer ledger.GetState")
	p := a.parts[a.part]
	p.mu.Lock()
	p.ended = errOverrun
	p.mu.Unlock()
	p.poke()
	a.next("down: "+errOverrun.Error(), "up")
	epoch := a.link(5)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x"), {N: 2, Kind: ledger.OpDone}}})
	a.next("answer ledger.Do head=0 link=false status=2 n=2 full=[]", "push 2 kind=4 n=0 ")
	if a.ups != cluster.Partitions {
		t.Errorf("%d partitions are up", a.ups)
	}
}

func TestEngine_Beats(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	a.Beat(cluster.Beat{Node: 1, Count: 5, About: "a"})
	a.expect("beats true [{Node:1 Count:5 Dead:false About:a}]")
	a.Beat(cluster.Beat{Node: 2, Count: 1, About: "b"})
	a.Mark(cluster.Mark{Node: 1, Count: 4}) // it has moved
	a.expect("beats true [{Node:1 Count:5 Dead:false About:a} {Node:2 Count:1 Dead:false About:b}]")
	a.expect("beats true [{Node:1 Count:5 Dead:false About:a} {Node:2 Count:1 Dead:false About:b}]")
	a.Mark(cluster.Mark{Node: 1, Count: 5, About: "x"})
	a.expect("beats true [{Node:1 Count:5 Dead:true About:a} {Node:2 Count:1 Dead:false About:b}]")
	a.Mark(cluster.Mark{Node: 3, Count: 0, About: "c"})
	a.expect("beats true [{Node:1 Count:5 Dead:true About:a} {Node:2 Count:1 Dead:false About:b} {Node:3 Count:0 Dead:true About:c}]")
	a.Beat(cluster.Beat{Node: 1, Count: 6, About: "a"})
	a.expect("beats true [{Node:1 Count:6 Dead:false About:a} {Node:2 Count:1 Dead:false About:b} {Node:3 Count:0 Dead:true About:c}]")
	s.stop()
	a.expect("down")
	a.Beat(cluster.Beat{Node: 1, Count: 7})
	a.expect("beats false []")
}

func TestEngine_ReplicaIsLeft(t *testing.T) {
	s, other := startServer(t), startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	client := s.client()
	ask(t, client, "REPLICAOF", "127.0.0.1", fmt.Sprint(other.port))
	a.Send(a.part, ledger.Tick{})
	a.expect("down")
	a.log.Expect(t, `reason="redis: the server is a replica, which refuses writes; waiting until it is a master"`)
	ask(t, client, "REPLICAOF", "NO", "ONE")
	a.expect("up")
}

func TestEngine_AReplicaIsWaitedFor(t *testing.T) {
	master := startServer(t)
	s := startServer(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", master.port))
	a := start(t, s.addr())
	a.log.Expect(t, "level=WARN", `reason="redis: the server is a replica, which refuses writes; waiting until it is a master"`)
	ask(t, s.client(), "REPLICAOF", "NO", "ONE")
	a.untilUp()
}

// So it is with whatever else has a server take no writes for a while.
func TestEngine_WritesThatAreRefusedAreWaitedFor(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	client := s.client()
	ask(t, client, "CONFIG", "SET", "min-replicas-to-write", "1")
	a.Send(a.part, ledger.Tick{})
	a.expect("down: the keys fanfare{p07}*: redis refused a script: NOREPLICAS")
	line := a.log.Expect(t, "level=WARN", `msg="the cluster's redis cannot be reached, trying again"`)
	if !strings.Contains(line, "NOREPLICAS") {
		t.Error(line)
	}
	ask(t, client, "CONFIG", "SET", "min-replicas-to-write", "0")
	a.expect("up")
}

// What a dead node held goes a part with each tick, so that no tick is long.
func TestEngine_ADeadNodeIsFreedInParts(t *testing.T) {
	s := startServer(t)
	a := start(t, s.addr())
	a.untilUp()
	epoch := a.link(5)
	const subjects = 1200
	var ops []ledger.Op
	for n := range uint64(subjects) {
		ops = append(ops, ledger.Op{N: n + 1, Kind: ledger.OpHold, Sockets: 1, Subject: ledger.Subject{Kind: ledger.Channel, App: "shop", Name: fmt.Sprint(n)}})
	}
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: ops})
	a.Send(a.part, ledger.Strike{Node: 5, Epoch: epoch})
	client := s.client()
	index := a.parts[a.part].caller.index(5)
	left := subjects
	for ticks := 0; left > 0; ticks++ {
		a.Send(a.part, ledger.Tick{})
		a.expect("answer ledger.Tick")
		now := int(number64(t, client, "ZCARD", index))
		if freed := left - now; freed < 100 || freed > 500 {
			t.Fatalf("tick %d frees %d of %d", ticks, freed, left)
		}
		left = now
	}
	m := ask(t, client, "KEYS", "*p07}s*")
	if keys, err := m.AsStrSlice(); err != nil || len(keys) > 0 {
		t.Errorf("there are still the keys %q, error %v", keys, err)
	}
}
