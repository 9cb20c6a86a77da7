package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
)

// stadium is the running cluster of a run of Million.
type stadium struct {
	*million
	town    *town
	hall    *hall
	session *session
	members *fleet // of the presence channel
	alone   *fleet // the only socket on its channel, connected to the last node
	asking  []*inquirer
	came    time.Time // when the first sockets began to connect
	roll    *roll     // member events that the members received; belongs to the loop
	seq     uint32
	events  []float64 // seconds until each had reached all sockets
}

// cluster measures the cluster and returns the median time in which an event
// reached all sockets, in seconds.
func (m *million) cluster(ctx context.Context) (float64, error) {
	if err := m.say("%d nodes start", m.Nodes); err != nil {
		return 0, err
	}
	town, err := startTown(ctx, m.Server, "", m.Nodes, m.Activity)
	if err != nil {
		return 0, err
	}
	defer town.kill()
	var hosts []string
	for _, node := range town.nodes {
		hosts = append(hosts, node.target.Host)
	}
	hall, err := startHall(m.Audience, m.audience(hosts), m.Sockets, m.clients)
	if err != nil {
		return 0, err
	}
	defer hall.stop()
	s := &stadium{million: m, town: town, hall: hall}
	if s.session, err = newSession("a cluster of many sockets", town.nodes[0].target, membersOfNode*m.Nodes); err != nil {
		return 0, err
	}
	defer s.session.end()
	for _, node := range town.nodes {
		s.asking = append(s.asking, newInquirer(s.session.loop, node.target))
	}
	m.gauge.watchTown(town, hall)
	for _, step := range []func(context.Context) error{s.connect, s.publish, s.killOne} {
		if err := step(ctx); err != nil {
			return 0, err
		}
	}
	return report.MedianOf(s.events), nil
}

// connect connects all sockets and waits until every node reports the exact count.
func (s *stadium) connect(ctx context.Context) error {
	if err := s.openMembers(ctx); err != nil {
		return err
	}
	if err := s.say("%s sockets come, from %d processes", report.Grouped(int64(s.Sockets)), s.clients); err != nil {
		return err
	}
	machine, err := readMachineMemory()
	if err != nil {
		return err
	}
	before, err := s.town.bill(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	s.came = began
	joined, err := s.hall.do(ctx, audienceOpen)
	if err != nil {
		return err
	}
	took := time.Unix(0, joined.Times.Last).Sub(began).Seconds()
	spent, err := s.town.bill(ctx)
	if err != nil {
		return err
	}
	if err := s.say("all are subscribed, after %.1f s", took); err != nil {
		return err
	}
	counted, err := s.exact(ctx, time.Unix(0, joined.Times.Last), s.asking, s.Sockets, s.Nodes*membersOfNode, true)
	if err != nil {
		return err
	}
	r := s.result("connect and subscribe")
	r.Add("connected and subscribed after", "s", took)
	r.Add("connected and subscribed", "/s", float64(s.Sockets)/took)
	r.Add("count exact on all nodes after", "s", counted)
	spent = spent.minus(before)
	clients, err := s.hall.usage()
	if err != nil {
		return err
	}
	r.Add("nodes' CPU", "cores", spent.cores(spent.nodes.CPU))
	r.Add("redis CPU", "cores", spent.cores(spent.redis.CPU))
	r.Add("clients' CPU", "cores", spent.cores(clients.CPU))
	r.Curves = append(r.Curves, report.Curve{Name: curveSockets, Points: joined.Times.curve(began, picturePoints)})
	s.add("connected and subscribed", s.goal("≤ 200 s"), took <= 200, "%.1f s, %s a second", took, report.Number(float64(s.Sockets)/took))
	s.add("the channel's count is exact on all nodes", "", true, "%.1f s after the last", counted)
	if err := s.memory(ctx, r, machine, clients.RSS, before.nodes.RSS); err != nil {
		return err
	}
	s.results = append(s.results, *r)
	return nil
}

// memory adds the current memory of the nodes, the clients, Redis and the kernel.
func (s *stadium) memory(ctx context.Context, r *report.Result, machine machineMemory, clients, nodesBefore int64) error {
	now, err := s.town.bill(ctx)
	if err != nil {
		return err
	}
	kernel, err := readMachineMemory()
	if err != nil {
		return err
	}
	slab := kernel.Slab - machine.Slab
	r.Add("nodes' memory", "MB", report.Megabytes(now.nodes.RSS))
	r.Add("nodes' memory per socket", "B", perSocket(nodesBefore, now.nodes.RSS, s.Sockets))
	r.Add("clients' memory", "MB", report.Megabytes(clients))
	r.Add("kernel slab", "MB", report.Megabytes(slab))
	r.Add("kernel slab per connection, both ends", "B", float64(slab)/float64(s.Sockets))
	r.Add("sockets' buffers", "MB", report.Megabytes(kernel.TCP))
	r.Add("redis memory", "MB", report.Megabytes(now.redis.Memory))
	r.Add("memory left", "MB", report.Megabytes(s.gauge.lowestAvailable()))
	s.add("memory of all nodes", "", true, "%.2f GB, %.0f bytes a socket", gigabytes(now.nodes.RSS), r.Value("nodes' memory per socket"))
	s.add("memory of all clients", "", true, "%.2f GB", gigabytes(clients))
	s.add("kernel slab", "", true, "%.2f GB, %.0f bytes a connection, both ends", gigabytes(slab), r.Value("kernel slab per connection, both ends"))
	s.add("memory of redis", s.goal("≤ 1 GB"), now.redis.Memory <= 1e9, "%.0f MB", report.Megabytes(now.redis.Memory))
	return nil
}

// result begins a result.
func (s *stadium) result(scenario string) *report.Result {
	r := &report.Result{Scenario: scenario, Host: s.town.redis.address}
	r.Set("sockets", "%d", s.Sockets)
	r.Set("nodes", "%d", s.Nodes)
	r.Set("processes of clients", "%d", s.clients)
	return r
}

// openMembers opens the sockets of the presence channel, and the socket that is
// alone on its channel.
func (s *stadium) openMembers(ctx context.Context) error {
	n := s.Nodes * membersOfNode
	loop, target := s.session.loop, s.session.target
	s.members = newFleet(loop, target, []string{millionPresence})
	s.members.hosts = addresses(s.town.targets())
	s.members.member = func(i int) string { return fmt.Sprintf(`{"user_id":%q}`, memberName(i)) }
	s.roll = newRoll(n)
	s.members.onOther = func(c *client.Conn, event string, message []byte) {
		s.roll.hear(int(c.Index), event, string(member(message, `\"user_id\":\"`)))
	}
	s.alone = newFleet(loop, s.town.nodes[s.Nodes-1].target, []string{millionAlone})
	return errors.Join(s.members.open(ctx, n), s.alone.open(ctx, 1))
}

func memberName(i int) string { return fmt.Sprintf("member-%d", i) }
