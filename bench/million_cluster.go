package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"
)

// stadium is a million's cluster at work.
type stadium struct {
	*million
	town    *town
	hall    *hall
	session *session
	members *fleet // of the presence channel
	alone   *fleet // the socket whose channel only the last node has
	asking  []*inquirer
	came    time.Time // when the first sockets were asked to come
	removed []int     // by member: how many it was told are gone; the loop's
	seq     uint32
	events  []float64 // seconds that each took to reach all
}

// cluster measures the cluster and returns the median of the times that an event
// took to reach all.
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

// connect has everybody come, and waits until the count is exact.
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

// memory reads what all of it takes now.
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

// openMembers opens the sockets of the presence channel, and the one alone.
func (s *stadium) openMembers(ctx context.Context) error {
	n := s.Nodes * membersOfNode
	loop, target := s.session.loop, s.session.target
	s.members = newFleet(loop, target, []string{millionPresence})
	s.members.hosts = addresses(s.town.targets())
	s.members.member = func(i int) string { return fmt.Sprintf(`{"user_id":%q}`, memberName(i)) }
	s.removed = make([]int, n)
	s.members.onOther = func(c *client.Conn, event string, _ []byte) {
		if event == "pusher_internal:member_removed" {
			s.removed[c.Index]++
		}
	}
	s.alone = newFleet(loop, s.town.nodes[s.Nodes-1].target, []string{millionAlone})
	return errors.Join(s.members.open(ctx, n), s.alone.open(ctx, 1))
}

func memberName(i int) string { return fmt.Sprintf("member-%d", i) }

// publish has each event reach everybody before the next.
func (s *stadium) publish(ctx context.Context) error {
	if err := s.say("%d events to all", s.Events); err != nil {
		return err
	}
	r := s.result("one event to all")
	r.Set("data", "%d bytes", s.Size)
	var answers, halves []float64
	var curves [][][2]float64
	for range s.Events {
		e, err := s.send(ctx, s.Sockets)
		if err != nil {
			return err
		}
		s.events, answers, halves = append(s.events, e.took), append(answers, e.answered), append(halves, e.half)
		curves = append(curves, e.curve)
	}
	r.Curves = []report.Curve{{Name: curveDeliveries, Points: curves[typical(s.events)]}}
	sum, err := s.hall.do(ctx, audienceCount)
	if err != nil {
		return err
	}
	median := report.MedianOf(s.events)
	r.Metrics = append(r.Metrics,
		report.Metric{Name: "event to the last socket after", Unit: "s", Value: median, Runs: s.events},
		report.Metric{Name: "event to half of the sockets after", Unit: "s", Value: report.MedianOf(halves), Runs: halves},
		report.Metric{Name: "publish answered after", Unit: "ms", Value: report.MedianOf(answers), Runs: answers})
	r.Add("deliveries", "/s", float64(s.Sockets)/median)
	faults(r, sum, 0)
	s.results = append(s.results, *r)
	s.add("one event to all", s.goal("≤ 8 s"), median <= 8, "%.2f s, %s deliveries a second", median, report.Number(float64(s.Sockets)/median))
	s.add(fmt.Sprintf("%d events to all", s.Events), "nothing lost", clean(*r), "%s", losses(*r))
	return nil
}

// typical is the index of the value next to the median.
func typical(values []float64) (next int) {
	median := report.MedianOf(values)
	for i, v := range values {
		if math.Abs(v-median) < math.Abs(values[next]-median) {
			next = i
		}
	}
	return next
}

// faults adds what went wrong; closed is how many sockets had to be closed.
func faults(r *report.Result, sum audienceReport, closed int) {
	r.Add("lost", "", float64(sum.Lost))
	r.Add("duplicated", "", float64(sum.Duplicated))
	r.Add("reordered", "", float64(sum.Reordered))
	r.Add("sockets closed by the server", "", float64(sum.Closed-closed))
	if sum.Closed != closed {
		r.Problems = sum.Problems[:min(5, len(sum.Problems))]
	}
}

// sentEvent is how an event went: seconds, milliseconds for the answer.
type sentEvent struct {
	took, half, answered float64
	curve                [][2]float64
}

// send publishes an event through the first node and waits until all of so many
// have it.
func (s *stadium) send(ctx context.Context, sockets int) (e sentEvent, err error) {
	if _, err := s.hall.do(ctx, audienceExpect); err != nil {
		return e, err
	}
	stamp := stamp{seq: s.seq, event: s.seq}
	s.seq++
	due := time.Now()
	q := s.asking[0]
	answer, err := q.ask(ctx, pusherDialect{}.appendTrigger(nil, q.target, []string{millionChannel}, stamp, s.Size, due))
	if err != nil {
		return e, err
	}
	if answer.status != 200 {
		return e, fmt.Errorf("publish: %s", refusal(answer.status, answer.body))
	}
	e.answered = time.Since(due).Seconds() * 1000
	heard, err := s.hall.do(ctx, audienceHear)
	if err != nil {
		return e, err
	}
	e.took = time.Unix(0, heard.Times.Last).Sub(due).Seconds()
	e.half = heard.Times.share(0.5).Sub(due).Seconds()
	e.curve = heard.Times.curve(due, picturePoints)
	return e, s.say("an event: %s of %s have it, the last after %.2f s", report.Grouped(heard.Times.total()), report.Grouped(int64(sockets)), e.took)
}

// usage is what the processes of an audience use.
func (h *hall) usage() (sum Usage, err error) {
	for _, c := range h.children {
		u, e := process(c.cmd.Process.Pid).usage()
		err = errors.Join(err, e)
		sum.RSS += u.RSS
		sum.CPU += u.CPU
	}
	return sum, err
}

// exact waits until some nodes all tell the same truth, and returns after how
// many seconds since a time they did.
func (s *stadium) exact(ctx context.Context, since time.Time, nodes []*inquirer, sockets, members int, alone bool) (float64, error) {
	var wrong string
	for end := time.Now().Add(s.patience()); time.Now().Before(end); {
		at := time.Now()
		var err error
		if wrong, err = s.wrong(ctx, nodes, sockets, members, alone); err != nil {
			return 0, err
		}
		if wrong == "" {
			return at.Sub(since).Seconds(), nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("the channels do not get exact: %s", wrong)
}

// wrong says what nodes tell that is not so.
func (s *stadium) wrong(ctx context.Context, nodes []*inquirer, sockets, members int, alone bool) (string, error) {
	for _, q := range nodes {
		all, err := q.channel(ctx, millionChannel, "subscription_count")
		if err != nil {
			return "", err
		}
		if all.Subscriptions != sockets || !all.Occupied {
			return fmt.Sprintf("%s has %d subscriptions, occupied %t, and not %d", millionChannel, all.Subscriptions, all.Occupied, sockets), nil
		}
		presence, err := q.channel(ctx, millionPresence, "user_count")
		if err != nil {
			return "", err
		}
		if presence.Users != members {
			return fmt.Sprintf("%s has %d users, and not %d", millionPresence, presence.Users, members), nil
		}
		one, err := q.channel(ctx, millionAlone, "subscription_count")
		if err != nil {
			return "", err
		}
		if one.Occupied != alone {
			return fmt.Sprintf("%s is occupied: %t", millionAlone, one.Occupied), nil
		}
	}
	ids, err := nodes[0].members(ctx, millionPresence)
	if err != nil {
		return "", err
	}
	if len(ids) != members {
		return fmt.Sprintf("%s lists %d users: %.200s", millionPresence, len(ids), strings.Join(ids, " ")), nil
	}
	return "", nil
}
