package redis

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/internal/testkit/deadline"
	"fanfare/internal/testkit/freeport"
)

// shards are the servers of a Redis Cluster, and a client of each. Masters have
// equal shares of the slots.
type shards struct {
	t       *testing.T
	servers []*server
	clients []rueidis.Client
}

// startShards starts masters, and a replica of each of the first ones, with the
// arguments that more returns for each.
func startShards(t *testing.T, masters, replicas int, more ...func() []string) *shards {
	t.Helper()
	c := &shards{t: t}
	buses := make([]int, masters+replicas)
	for i := range buses {
		buses[i] = freeport.Find(t)
		args := []string{
			"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(buses[i]),
			"--cluster-node-timeout", "3000", "--cluster-replica-validity-factor", "0",
		}
		for _, f := range more {
			args = append(args, f()...)
		}
		s := startServer(t, args...)
		c.servers = append(c.servers, s)
		c.clients = append(c.clients, s.client())
	}
	for i, client := range c.clients {
		if i < masters {
			ask(t, client, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/masters), strconv.Itoa((i+1)*slots/masters-1))
		}
		ask(t, client, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			ask(t, client, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(c.servers[0].port), strconv.Itoa(buses[0]))
		}
	}
	c.until("servers that know each other", func(client rueidis.Client) bool {
		info := c.text(client, "CLUSTER", "INFO")
		return strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", len(buses))) && strings.Contains(info, "cluster_state:ok")
	})
	for i := range replicas {
		ask(t, c.clients[masters+i], "CLUSTER", "REPLICATE", c.id(i))
	}
	for i := range replicas {
		c.until("replicas", func(client rueidis.Client) bool {
			return client != c.clients[masters+i] || strings.Contains(c.text(client, "INFO", "replication"), "master_link_status:up")
		})
	}
	return c
}

func (c *shards) text(client rueidis.Client, words ...string) string {
	c.t.Helper()
	m := ask(c.t, client, words...)
	text, err := m.ToString()
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

// until waits for what is so at all servers.
func (c *shards) until(what string, is func(rueidis.Client) bool) {
	c.t.Helper()
	for end := time.Now().Add(deadline.Long); ; time.Sleep(20 * time.Millisecond) {
		if !slices.ContainsFunc(c.clients, func(client rueidis.Client) bool { return !is(client) }) {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("no %s: %q", what, c.text(c.clients[0], "CLUSTER", "NODES"))
		}
	}
}

func (c *shards) id(i int) string { return c.text(c.clients[i], "CLUSTER", "MYID") }

// owner is the number of the server that has a place.
func (c *shards) owner(at place) int { return slotOf(at.tag()) * len(c.servers) / slots }

// begin puts a place's slot on its way to another server, and move moves so many
// of its keys there at most, as redis-cli --cluster reshard does.
func (c *shards) begin(at place, from, to int) {
	c.t.Helper()
	slot := strconv.Itoa(slotOf(at.tag()))
	ask(c.t, c.clients[to], "CLUSTER", "SETSLOT", slot, "IMPORTING", c.id(from))
	ask(c.t, c.clients[from], "CLUSTER", "SETSLOT", slot, "MIGRATING", c.id(to))
}

func (c *shards) move(at place, from, to, most int) (moved int) {
	c.t.Helper()
	m := ask(c.t, c.clients[from], "CLUSTER", "GETKEYSINSLOT", strconv.Itoa(slotOf(at.tag())), strconv.Itoa(most))
	keys, err := m.AsStrSlice()
	if err != nil {
		c.t.Fatal(err)
	}
	if len(keys) > 0 {
		ask(c.t, c.clients[from], append([]string{"MIGRATE", "127.0.0.1", strconv.Itoa(c.servers[to].port), "", "0", "10000", "KEYS"}, keys...)...)
	}
	return len(keys)
}

// end says who has a place's slot.
func (c *shards) end(at place, order ...int) {
	c.t.Helper()
	owner := c.id(order[0])
	for _, i := range order {
		ask(c.t, c.clients[i], "CLUSTER", "SETSLOT", strconv.Itoa(slotOf(at.tag())), "NODE", owner)
	}
}

func TestSlotOf(t *testing.T) {
	s := startServer(t, "--cluster-enabled", "yes")
	client := s.client()
	for at := range place(places) {
		key := at.base("fanfare") + "x"
		if want := number64(t, client, "CLUSTER", "KEYSLOT", key); slotOf(at.tag()) != int(want) {
			t.Errorf("slot of %s is %d, want %d", key, slotOf(at.tag()), want)
		}
	}
}

func number64(t *testing.T, client rueidis.Client, words ...string) int64 {
	t.Helper()
	m := ask(t, client, words...)
	n, err := m.AsInt64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestShards_EachMasterHasItsPartitions(t *testing.T) {
	c := startShards(t, 3, 0)
	a, b := start(t, c.servers[0].addr()), start(t, "127.0.0.1:1", func(cfg *Config) { cfg.Addresses = append(cfg.Addresses, c.servers[2].addr()) })
	a.untilUp()
	b.untilUp()
	b.Watch(b.part, room)
	b.Send(b.part, ledger.GetState{Subject: room})
	b.expect("answer ledger.GetState head=0")
	epoch := a.link(5)
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x")}})
	b.expect("push 1 kind=2 n=1 x")
	for p := range cluster.Partitions {
		a.Send(cluster.Partition(p), ledger.Tick{})
	}
	a.Beat(cluster.Beat{Node: 1, Count: 5, About: "a"})
	a.expect("beats true [{Node:1 Count:5 Dead:false About:a}]")
	b.Unwatch(b.part, room)
	b.Send(b.part, ledger.Poll{Node: 5, Epoch: epoch})
	b.expect("answer ledger.Poll head=1")
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(2, "y"), {N: 3, Kind: ledger.OpDone}}})
	b.expect("push 3 kind=4")
	total := 0
	for i, client := range c.clients {
		n := number64(t, client, "DBSIZE")
		if n == 0 {
			t.Errorf("server %d has no keys", i)
		}
		total += int(n)
	}
	if total < cluster.Partitions {
		t.Errorf("%d keys", total)
	}
}

// While the keys of a partition move, none of its scripts runs: they would find
// a part of them.
func TestShards_APartitionMovesWhole(t *testing.T) {
	c := startShards(t, 3, 0)
	a := start(t, c.servers[0].addr())
	at := place(a.part)
	from := c.owner(at)
	to := (from + 1) % 3
	a.untilUp()
	epoch := a.link(5)
	var ops []ledger.Op
	for n := range uint64(20) {
		ops = append(ops, ledger.Op{N: n + 1, Kind: ledger.OpHold, Sockets: 1, Subject: ledger.Subject{Kind: ledger.Channel, App: "shop", Name: fmt.Sprint(n)}})
	}
	// All keys that scripts declare are there.
	remembered := event(21, "x")
	remembered.Remember = time.Hour
	ops = append(ops, remembered, ledger.Op{N: 22, Kind: ledger.OpClose, Subject: room}, ledger.Op{N: 23, Kind: ledger.OpDone})
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: ops})
	a.expect("answer ledger.Do head=0 link=false status=2 n=23")
	birth := a.last.Birth

	c.begin(at, from, to)
	a.Send(a.part, ledger.Tick{})
	a.expect("down: the slot is being moved")
	// It is given up, and all is as it was.
	ask(t, c.clients[from], "CLUSTER", "SETSLOT", strconv.Itoa(slotOf(at.tag())), "STABLE")
	ask(t, c.clients[to], "CLUSTER", "SETSLOT", strconv.Itoa(slotOf(at.tag())), "STABLE")
	a.expect("up")
	a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
	a.expect("answer ledger.Poll head=23 link=false status=2 n=23")
	if a.last.Birth != birth {
		t.Error("the memory has another birth")
	}

	c.begin(at, from, to)
	a.Send(a.part, ledger.Tick{})
	a.expect("down: the slot is being moved")
	for c.move(at, from, to, 10) > 0 {
		a.Send(a.part, ledger.Tick{}) // which looks for more keys than it is given
	}
	c.end(at, to, from)
	a.expect("up")
	a.Send(a.part, ledger.Poll{Node: 5, Epoch: epoch})
	a.expect("answer ledger.Poll head=23 link=true status=1 n=23")
	if a.last.Birth == birth {
		t.Error("the memory has the same birth on another server")
	}
	a.Send(a.part, ledger.GetState{Subject: ops[7].Subject})
	a.expect("answer ledger.GetState")
	if len(a.last.State.Facts) != 1 {
		t.Errorf("state %+v", a.last.State)
	}
	if a.ups != cluster.Partitions {
		t.Errorf("%d partitions are up", a.ups)
	}
}

// The table of beats moves like a partition.
func TestShards_TheTableMoves(t *testing.T) {
	c := startShards(t, 3, 0)
	a := start(t, c.servers[0].addr())
	a.untilUp()
	from := c.owner(table)
	to := (from + 1) % 3
	a.Beat(cluster.Beat{Node: 1, Count: 5, About: "a"})
	a.expect("beats true [{Node:1 Count:5")
	c.begin(table, from, to)
	for c.move(table, from, to, 10) > 0 {
	}
	c.end(table, to, from)
	beats := 0
	a.Beat(cluster.Beat{Node: 2, Count: 1, About: "b"})
	a.until("a beat on the other server", func() bool {
		if len(a.events) == beats {
			return false
		}
		beats = len(a.events)
		a.Beat(cluster.Beat{Node: 2, Count: 1, About: "b"})
		return strings.HasPrefix(a.events[beats-1], "beats true [{Node:1 Count:5 Dead:false About:a} {Node:2")
	})
}

// While a slot moves nobody comes or goes, and nothing is missed.
func TestShards_AMovedSlotIsNoTransition(t *testing.T) {
	c := startShards(t, 3, 0)
	a, b := openHouse(t, c.servers[0].addr()), openHouse(t, c.servers[1].addr())
	a.join("anna")
	b.join("bert")
	a.expect("bert")
	b.expect("bert")
	at := place(cluster.PartitionOf(ledger.Subject{Kind: ledger.Channel, App: "shop", Name: lobby}))
	from := c.owner(at)
	var publishers sync.WaitGroup
	stop := make(chan struct{})
	published := make([]int, 2)
	for i, h := range []*house{a, b} {
		publishers.Go(func() {
			for ; ; published[i]++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := h.publish(fmt.Sprintf("event %d of %d.", published[i], i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		to := (from + 1) % 3
		c.begin(at, from, to)
		for c.move(at, from, to, 2) > 0 {
		}
		c.end(at, to, from)
		from = to
		a.publishLong("settled")
	}
	close(stop)
	publishers.Wait()
	a.publishLong("the end")
	for _, h := range []*house{a, b} {
		h.expectAll(published)
		h.silent("member_")
		h.silent("closed")
	}
	a.join("carl")
	b.expect("carl")
	if got := b.members(); len(got) != 3 {
		t.Errorf("members %q", got)
	}
}

// expectAll waits for "the end", and fails the test unless each event has come
// once. It forgets nothing.
func (h *house) expectAll(published []int) {
	h.t.Helper()
	late := time.After(deadline.Long)
	for {
		h.mu.Lock()
		heard, more := slices.Clone(h.heard), h.more
		h.mu.Unlock()
		if slices.Contains(heard, "the end") {
			for i, n := range published {
				for k := range n {
					event := fmt.Sprintf("event %d of %d.", k, i)
					if got := len(slices.DeleteFunc(slices.Clone(heard), func(line string) bool { return line != event })); got != 1 {
						h.t.Errorf("%q came %d times", event, got)
					}
				}
			}
			return
		}
		select {
		case <-more:
		case <-late:
			h.t.Fatal("the end has not come")
		}
	}
}

func TestShards_AFailoverIsNoTransition(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := startShards(t, 3, 3)
	a, b := openHouse(t, c.servers[1].addr()), openHouse(t, c.servers[2].addr())
	a.join("anna")
	b.join("bert")
	a.expect("bert")
	b.expect("bert")
	at := place(cluster.PartitionOf(ledger.Subject{Kind: ledger.Channel, App: "shop", Name: lobby}))
	c.servers[slotOf(at.tag())*3/slots].stop()
	a.publishLong("after")
	b.publishLong("after too")
	for _, h := range []*house{a, b} {
		h.silent("member_")
		h.expect("after too")
		h.silent("closed")
	}
	a.join("carl")
	b.expect("carl")
	if got := b.members(); len(got) != 3 {
		t.Errorf("members %q", got)
	}
}
