package bench

import (
	"context"
	"math"
	"time"

	"fanfare/bench/report"
)

// killOne kills the last node and waits until the other nodes report exactly: the
// count of the large channel, the members of the presence channel, and that the
// channel that only this node had is vacated.
func (s *stadium) killOne(ctx context.Context) error {
	last := s.Nodes - 1
	gone := of(s.Sockets, s.Nodes, last)
	left := s.Sockets - gone
	members := last * membersOfNode
	if err := s.say("a node is killed, with %s sockets", report.Grouped(int64(gone))); err != nil {
		return err
	}
	r := s.result("a node is killed")
	r.Add("sockets of the node", "in all", float64(gone))
	killed := time.Now()
	if err := s.town.nodes[last].kill(); err != nil {
		return err
	}
	exact, err := s.exact(ctx, killed, s.asking[:last], left, members, false)
	if err != nil {
		return err
	}
	r.Add("channels exact on all others after", "s", exact)
	if err := s.say("the channels are exact, after %.1f s", exact); err != nil {
		return err
	}
	// Duplicated or revoked events may arrive later.
	if err := sleep(ctx, 2*time.Second); err != nil {
		return err
	}
	wrong, err := s.wrong(ctx, s.asking[:last], left, members, false)
	if err != nil {
		return err
	}
	if wrong != "" {
		r.Problems = append(r.Problems, "2 s later: "+wrong)
	}
	told := s.toldOfMembers(last)
	r.Add("members told wrong", "", float64(told.wrong))
	r.Add("members told twice", "", float64(told.doubled))
	r.Add("members taken for gone while silent", "in all", float64(told.silent))
	e, err := s.send(ctx, left)
	if err != nil {
		return err
	}
	sum, err := s.hall.do(ctx, audienceCount)
	if err != nil {
		return err
	}
	r.Add("event to the last socket after", "s", e.took)
	faults(r, sum, gone)
	if memory, err := s.town.redis.usage(ctx); err == nil {
		r.Add("redis memory", "MB", report.Megabytes(memory.Memory))
	}
	r.Curves = s.memoryCurves()
	s.results = append(s.results, *r)
	s.add("a node is killed: channels exact on all others", s.goal("≤ 15 s"), exact <= 15, "%.1f s, with %s sockets of %s gone", exact, report.Grouped(int64(gone)), report.Grouped(int64(s.Sockets)))
	s.add("and they stay exact", "yes", wrong == "", "%s", yes(wrong))
	s.add("members are told of those gone", "each once", told.wrong+told.doubled == 0, "%d wrong, %d twice", told.wrong, told.doubled)
	s.add("members whose node was silent for 10 s, and came back", s.goal("none"), told.silent == 0, "%d", told.silent)
	s.add("an event to those left", "nothing lost", clean(*r), "%.2f s, %s", e.took, losses(*r))
	return nil
}

func yes(wrong string) string {
	if wrong == "" {
		return "yes"
	}
	return wrong
}

// toldOf counts faults in the member events that the remaining members received.
type toldOf struct {
	wrong, doubled int
	// silent is the number of members that were removed and added again because
	// their node sent nothing for 10 s: the machine had no time for it.
	silent int
}

func (s *stadium) toldOfMembers(last int) (t toldOf) {
	var names []string
	for i := range s.Nodes * membersOfNode {
		names = append(names, memberName(i))
	}
	gone := func(i int) bool { return s.members.hostOf(i) == last }
	left := last * membersOfNode
	s.session.loop.Do(func() {
		t.wrong, t.doubled = s.roll.wrong(names, gone), s.roll.doubled
		t.silent = max(0, s.roll.removed-left*membersOfNode) / left
	})
	return t
}

// memoryCurves returns the memory of the nodes, the clients and Redis, and the
// kernel's additional memory, over the time since the sockets began to connect.
func (s *stadium) memoryCurves() []report.Curve {
	samples := s.gauge.taken(s.came)
	if len(samples) == 0 {
		return nil
	}
	samples = thinned(samples, picturePoints)
	curve := func(name string, of func(memorySample) int64) report.Curve {
		c := report.Curve{Name: name}
		for _, m := range samples {
			c.Points = append(c.Points, [2]float64{math.Round(m.at.Sub(s.came).Seconds()*1000) / 1000, float64(of(m))})
		}
		return c
	}
	return []report.Curve{
		curve(curveKernel, func(m memorySample) int64 { return max(0, m.slab-samples[0].slab) }),
		curve(curveNodes, func(m memorySample) int64 { return m.servers }),
		curve(curveClients, func(m memorySample) int64 { return m.clients }),
		curve(curveRedis, func(m memorySample) int64 { return m.redis }),
	}
}

// thinned returns at most n of the samples, including the first and the last.
func thinned(samples []memorySample, n int) (some []memorySample) {
	if len(samples) <= n {
		return samples
	}
	for i := range n {
		some = append(some, samples[i*(len(samples)-1)/(n-1)])
	}
	return some
}
