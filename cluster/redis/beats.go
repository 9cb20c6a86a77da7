package redis

import (
	"context"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// mostBeats is how many beats and marks may wait, some thousand seconds' worth;
// more are forgotten.
const mostBeats = 1000

// beat is a script of the table of beats, to be run.
type beat struct {
	script func(*scripts) *script
	args   []string
}

// Beat implements cluster.Engine.
func (e *Engine) Beat(b cluster.Beat) {
	e.beat(beat{func(s *scripts) *script { return &s.beat }, []string{nodeText(b.Node), number(b.Count), b.About}})
}

// Mark implements cluster.Engine.
func (e *Engine) Mark(m cluster.Mark) {
	e.beat(beat{func(s *scripts) *script { return &s.mark }, []string{nodeText(m.Node), number(m.Count)}})
}

func (e *Engine) beat(b beat) {
	select {
	case e.beats <- b:
	default:
	}
}

// runBeats answers beats one after the other; without a connection they are
// lost.
func (e *Engine) runBeats(ctx context.Context, up cluster.Upcalls) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-e.beats:
			all, err := e.runBeat(b)
			if err != nil {
				e.cfg.Logger.Debug("a beat was lost", "reason", err)
			}
			up.Beats(all, err == nil)
		}
	}
}

func (e *Engine) runBeat(b beat) ([]cluster.Beat, error) {
	c, _ := e.fleet.borrow(table)
	if c == nil {
		return nil, errClosed
	}
	defer c.users.Done()
	m, err := c.eval(b.script(c.scripts), []string{beatsKey(e.cfg.Prefix)}, b.args...)
	if err != nil {
		if away, ok := c.elsewhere(err); ok && away.address != "" {
			e.fleet.move(table, away.address)
		}
		return nil, err
	}
	lines, err := m.ToArray()
	if err != nil {
		return nil, err
	}
	in := reply{fields: lines}
	all := make([]cluster.Beat, 0, len(lines)/2)
	for len(in.fields) > 0 {
		id, line := reader{rest: []byte(in.text())}, reader{rest: []byte(in.text())}
		it := cluster.Beat{Node: ledger.Node(id.uint64()), Dead: line.byte() != 0, Count: line.uint64()}
		line.uint64() // since when
		it.About = string(line.rest)
		in.note(id.err)
		in.note(line.err)
		all = append(all, it)
	}
	return all, in.err
}
