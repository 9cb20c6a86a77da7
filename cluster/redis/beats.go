package redis

import (
	"context"
	"errors"
	"fmt"

	"fanfare/apps"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// mostBeats is the maximum number of heartbeats and marks that wait; more are
// dropped.
const mostBeats = 1000

// beat is a script of the table of heartbeats, to be run.
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
	e.beat(beat{func(s *scripts) *script { return &s.mark }, []string{nodeText(m.Node), number(m.Count), m.About}})
}

func (e *Engine) beat(b beat) {
	select {
	case e.beats <- b:
	default:
	}
}

// beating is the state of runBeats.
type beating struct {
	claimed []*apps.App // as the table lists them for this node
	refused seldom      // limits the log line that the table cannot be used
	foreign seldom      // limits the log line about entries of other programs
}

// runBeats sends heartbeats and answers them one after the other; without a
// connection they are lost.
func (e *Engine) runBeats(ctx context.Context, up cluster.Upcalls) {
	var d beating
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-e.beats:
			all, err := e.runBeat(&d, b)
			if err != nil {
				e.cfg.Logger.Debug("a heartbeat was lost", "reason", err)
			}
			up.Beats(all, err == nil)
		}
	}
}

func (e *Engine) runBeat(d *beating, b beat) ([]cluster.Beat, error) {
	c, _ := e.fleet.borrow(table)
	if c == nil {
		return nil, errClosed
	}
	defer c.users.Done()
	key := beatsKey(e.cfg.Prefix)
	m, err := c.eval(b.script(c.scripts), []string{key}, b.args...)
	if err != nil {
		return nil, e.refuse(c, d, err)
	}
	if err := e.reclaim(c, d); err != nil { // it is tried again with the next beat
		_ = e.refuse(c, d, err)
	}
	lines, err := m.ToArray()
	if err != nil {
		return nil, err
	}
	in := reply{fields: lines}
	all := make([]cluster.Beat, 0, len(lines)/2)
	for len(in.fields) > 0 {
		name, text := in.text(), in.text()
		id, line := reader{rest: []byte(name)}, reader{rest: []byte(text)}
		it := cluster.Beat{Node: ledger.Node(id.uint64()), Dead: line.byte() != 0, Count: line.uint64()}
		line.uint64() // since when
		it.About = string(line.rest)
		switch {
		case len(name) == 8 && line.err == nil:
			all = append(all, it)
		case d.foreign.due():
			e.cfg.Logger.Warn("an entry in the cluster's table of nodes belongs to another program", "reason", fmt.Sprintf("the field %.40q of %s", name, key))
		}
	}
	return all, in.err
}

// refuse logs an error about the table. Broken connections are logged elsewhere;
// errors of the table are logged only here.
func (e *Engine) refuse(c *conn, d *beating, err error) error {
	if c.ctx.Err() != nil {
		return err
	}
	err = c.refused(err, "the keys "+table.base(e.cfg.Prefix)+"*")
	if away := (*elsewhereError)(nil); errors.As(err, &away) {
		if away.address != "" {
			e.fleet.move(table, away.address)
		}
	} else if d.refused.due() {
		e.cfg.Logger.Warn("the cluster's table of nodes cannot be used", "reason", err)
	}
	return err
}
