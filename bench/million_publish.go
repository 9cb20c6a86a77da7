package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"fanfare/bench/report"
)

// publish publishes the events one by one: each reaches all sockets before the next
// is published.
func (s *stadium) publish(ctx context.Context) error {
	if err := s.say("%d events to all", s.Events); err != nil {
		return err
	}
	r := s.result("one event to all")
	r.Set("data", "%d bytes", s.Size)
	var answers, halves []float64
	var curves [][][2]float64
	before, err := s.spent(ctx)
	if err != nil {
		return err
	}
	for range s.Events {
		e, err := s.send(ctx, s.Sockets)
		if err != nil {
			return err
		}
		s.events, answers, halves = append(s.events, e.took), append(answers, e.answered), append(halves, e.half)
		curves = append(curves, e.curve)
	}
	r.Curves = []report.Curve{{Name: curveDeliveries, Points: curves[typical(s.events)]}}
	after, err := s.spent(ctx)
	if err != nil {
		return err
	}
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
	r.Add("nodes' CPU of an event", "s", (after.nodes-before.nodes).Seconds()/float64(s.Events))
	r.Add("clients' CPU of an event", "s", (after.clients-before.clients).Seconds()/float64(s.Events))
	r.Add("redis CPU of an event", "s", (after.redis-before.redis).Seconds()/float64(s.Events))
	faults(r, sum, 0)
	s.results = append(s.results, *r)
	s.add("one event to all", s.goal("≤ 8 s"), median <= 8, "%.2f s, %s deliveries a second", median, report.Number(float64(s.Sockets)/median))
	s.add(fmt.Sprintf("%d events to all", s.Events), "nothing lost", clean(*r), "%s", losses(*r))
	return nil
}

// spending is the processor time that each part of a run has used.
type spending struct{ nodes, clients, redis time.Duration }

func (s *stadium) spent(ctx context.Context) (sum spending, err error) {
	b, err := s.town.bill(ctx)
	if err != nil {
		return sum, err
	}
	clients, err := s.hall.usage()
	return spending{b.nodes.CPU, clients.CPU, b.redis.CPU}, err
}

// typical returns the index of the value nearest to the median.
func typical(values []float64) (next int) {
	median := report.MedianOf(values)
	for i, v := range values {
		if math.Abs(v-median) < math.Abs(values[next]-median) {
			next = i
		}
	}
	return next
}

// faults adds the faults to a result; closed is the number of sockets whose
// connection was expected to end.
func faults(r *report.Result, sum audienceReport, closed int) {
	r.Add("lost", "", float64(sum.Lost))
	r.Add("duplicated", "", float64(sum.Duplicated))
	r.Add("reordered", "", float64(sum.Reordered))
	r.Add("sockets closed by the server", "", float64(sum.Closed-closed))
	if sum.Closed != closed {
		r.Problems = sum.Problems[:min(5, len(sum.Problems))]
	}
}

// sentEvent is the timing of an event: took and half in seconds, answered in
// milliseconds.
type sentEvent struct {
	took, half, answered float64
	curve                [][2]float64
}

// send publishes an event through the first node and waits until all of the given
// number of sockets have received it.
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
