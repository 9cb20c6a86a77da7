package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"fanfare/adminapi"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// adminCluster lets the admin API ask the other nodes.
type adminCluster struct{ s *server }

// adminCluster returns nil for a server that is not in a cluster.
func (s *server) adminCluster() adminapi.Cluster {
	if s.cluster == nil {
		return nil
	}
	return adminCluster{s}
}

// Self implements adminapi.Cluster.
func (c adminCluster) Self() adminapi.Member {
	return adminapi.Member{ID: nodeID(uint64(c.s.cluster.peer.Node())), Name: c.s.started.NodeName()}
}

// Others implements adminapi.Cluster.
func (c adminCluster) Others() []adminapi.Member {
	names := map[ledger.Node]string{}
	for _, n := range c.s.cluster.peer.Health().Nodes {
		about, _ := aboutOf(&n)
		names[n.Node] = about.Name
	}
	var list []adminapi.Member
	for _, n := range c.s.cluster.peer.Others() {
		m := adminapi.Member{ID: nodeID(uint64(n)), Name: names[n]}
		if m.Name == "" {
			m.Name = m.ID
		}
		list = append(list, m)
	}
	return list
}

// Ask implements adminapi.Cluster.
func (c adminCluster) Ask(ctx context.Context, ids []string, question []byte, patience time.Duration, most int) map[string][]byte {
	var nodes []ledger.Node
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 16, 64); err == nil {
			nodes = append(nodes, ledger.Node(n))
		}
	}
	answers := map[string][]byte{}
	for n, body := range c.s.cluster.peer.Ask(ctx, nodes, question, patience, most) {
		answers[nodeID(uint64(n))] = body
	}
	return answers
}

// Follow implements adminapi.Cluster.
func (c adminCluster) Follow(ctx context.Context, question []byte, most int, h adminapi.Hearing) {
	c.s.cluster.peer.Follow(ctx, question, most, hearing{h})
}

// hearing converts ids of nodes to the form of the admin API.
type hearing struct{ adminapi.Hearing }

// News implements cluster.Hearing.
func (h hearing) News(from ledger.Node, body []byte) { h.Hearing.News(nodeID(uint64(from)), body) }

// Silent implements cluster.Hearing.
func (h hearing) Silent(nodes []ledger.Node) {
	ids := make([]string, 0, len(nodes))
	for _, n := range nodes {
		ids = append(ids, nodeID(uint64(n)))
	}
	h.Hearing.Silent(ids)
}

// mostAnswering is how many questions of other nodes are answered at a time.
// Further ones get no answer.
const mostAnswering = 8

// nodeDesk answers the questions of other nodes, even if this node has no admin
// API of its own. It implements cluster.Desk.
type nodeDesk struct {
	local     *adminapi.Local // set before run is called
	answering chan struct{}

	mu      sync.Mutex
	ctx     context.Context // nil unless run is running
	telling int             // streams of events to other nodes, see Followed
	working sync.WaitGroup
}

func newNodeDesk() *nodeDesk { return &nodeDesk{answering: make(chan struct{}, mostAnswering)} }

// local returns what answers questions of other nodes about this node.
func (s *server) local() *adminapi.Local {
	return &adminapi.Local{
		Self: adminCluster{s}.Self(), Apps: adminApps{s: s}, Channels: adminChannels{s}, Sockets: adminSockets{s}, Webhooks: adminWebhooks{s.hooks}, Log: adminLog{s},
	}
}

// run allows answers until ctx is done, then waits for those under way.
func (d *nodeDesk) run(ctx context.Context) error {
	d.mu.Lock()
	d.ctx = ctx
	d.mu.Unlock()
	<-ctx.Done()
	d.mu.Lock()
	d.ctx = nil
	d.mu.Unlock()
	d.working.Wait()
	return nil
}

// work calls do in a goroutine of its own, if the desk runs.
func (d *nodeDesk) work(do func(ctx context.Context)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx := d.ctx; ctx != nil {
		d.working.Go(func() { do(ctx) })
	}
}

func (d *nodeDesk) tells(more int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.telling += more
}

// Asked implements cluster.Desk.
func (d *nodeDesk) Asked(q *cluster.Question) {
	d.work(func(ctx context.Context) {
		select {
		case d.answering <- struct{}{}:
			defer func() { <-d.answering }()
		default:
			return
		}
		ctx, cancel := context.WithTimeout(ctx, q.Left)
		defer cancel()
		if answer := d.local.Answer(ctx, q.Body, q.Most); answer != nil {
			q.Answer(answer)
		}
	})
}

// Followed implements cluster.Desk.
func (d *nodeDesk) Followed(f *cluster.Followed) {
	d.work(func(ctx context.Context) {
		d.tells(1)
		defer d.tells(-1)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			select {
			case <-f.Ended():
				cancel()
			case <-ctx.Done():
			}
		}()
		d.local.Tell(ctx, f.Body, f.Most, f.Tell)
		cancel()
		<-ended
	})
}
