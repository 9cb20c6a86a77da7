package sim

import (
	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// Mutation is a planted fault: a rule that is not kept. Each function may be
// nil.
type Mutation struct {
	Name string
	// Handle takes the place of the ledger's.
	Handle func(l *ledger.Ledger, run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry)
	// Answer changes what a node is answered.
	Answer func(node ledger.Node, r ledger.Request, a ledger.Answer) ledger.Answer
	// Push changes what a node is pushed; nil is nothing.
	Push func(node ledger.Node, e *ledger.Entry) *ledger.Entry
	// Config changes the peers'.
	Config func(cluster.Config) cluster.Config

	keepTail bool // all that a dead connection carried arrives, late
}

func (m *Mutation) handle(l *ledger.Ledger, run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry) {
	if m.Handle != nil {
		return m.Handle(l, run, fresh, now, r)
	}
	return l.Handle(run, fresh, now, r)
}

func (m *Mutation) answer(n *node, r ledger.Request, a ledger.Answer) ledger.Answer {
	if m.Answer != nil {
		return m.Answer(n.id, r, a)
	}
	return a
}

func (m *Mutation) push(n *node, e *ledger.Entry) *ledger.Entry {
	if m.Push != nil {
		return m.Push(n.id, e)
	}
	return e
}

func (m *Mutation) config(c cluster.Config) cluster.Config {
	if m.Config != nil {
		return m.Config(c)
	}
	return c
}
