package sim

import (
	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// Mutation is a planted bug, which the checks have to find. Each function may be nil.
type Mutation struct {
	Name string
	// Handle replaces Ledger.Handle.
	Handle func(l *ledger.Ledger, run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry)
	// Answer changes the answer to a node.
	Answer func(node ledger.Node, r ledger.Request, a ledger.Answer) ledger.Answer
	// Push changes the entry that is pushed to a node; a nil entry is not pushed.
	Push func(node ledger.Node, e *ledger.Entry) *ledger.Entry
	// Config changes the configuration of the peers.
	Config func(cluster.Config) cluster.Config

	keepTail bool // everything in transit on a closed connection arrives, late
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
