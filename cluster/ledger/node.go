package ledger

import (
	"cmp"
	"slices"
)

// node is the state of a node in the ledger.
type node struct {
	id     Node
	status Status
	epoch  uint32
	floor  uint32   // facts of earlier epochs do not count
	n      uint64   // number of the last op applied
	struck int64    // ledger time when it was struck
	full   []uint64 // numbers of the ops refused for lack of memory in the last Do that had any
	facts  facts    // all of the node's facts, the least recently reported first
}

// counts reports whether a fact counts: it does unless its node was struck or has
// entered since it was reported. While a node is entering, its facts of earlier
// epochs are the best that is known. Every total, limit, list and state uses this
// rule.
func (f *fact) counts() bool { return f.epoch >= f.node.floor }

// raise makes the node's facts of epochs before floor not count any more.
func (l *Ledger) raise(n *node, floor uint32) {
	n.floor = floor
	l.floors++
}

// place returns the index of the node, or where it would be inserted.
func (l *Ledger) place(id Node) (at int, known bool) {
	return slices.BinarySearchFunc(l.nodes, id, func(n *node, id Node) int { return cmp.Compare(n.id, id) })
}

// node returns a known node, nil if it is unknown.
func (l *Ledger) node(id Node) *node {
	if at, known := l.place(id); known {
		return l.nodes[at]
	}
	return nil
}

// meet returns the node; an unknown one becomes entering in epoch 0, in which no
// node reports anything.
func (l *Ledger) meet(id Node) *node {
	at, known := l.place(id)
	if !known {
		l.nodes = slices.Insert(l.nodes, at, &node{id: id, status: Entering})
	}
	return l.nodes[at]
}

// link is rule U2.
func (l *Ledger) link(r Link) Standing {
	n := l.meet(r.Node)
	if !n.resumes(r) {
		n.epoch = max(n.epoch, r.Epoch) + 1
		n.status = Entering
		n.n = max(n.n, r.before())
	}
	for _, peer := range r.Peers {
		if p := l.meet(peer); p.status == Struck && r.Birth != 0 && r.Birth != l.birth {
			p.status = Entering // the lost memory, which r.Node followed, knew that it was back
			p.epoch++
		}
	}
	return n.standing(n.id)
}

// resumes reports whether the node can continue in its epoch, open or entering: the
// ledger has every op that the node no longer keeps.
func (n *node) resumes(r Link) bool {
	return !r.Enter && n.status != Struck && r.Epoch != 0 && n.epoch == r.Epoch && n.n >= r.before()
}

// before returns the number of the last op that the node no longer keeps.
func (r Link) before() uint64 { return max(r.First, 1) - 1 }

// linked returns the node, nil if it is unknown, and whether it has to link (rule
// U1).
func (l *Ledger) linked(id Node, epoch uint32) (n *node, link bool) {
	n = l.node(id)
	return n, n == nil || n.status == Struck || n.epoch != epoch || epoch == 0
}

// entered ends a node's entering: it does not hold what it has not reported again.
func (l *Ledger) entered(n *node) {
	if n.status != Entering {
		return
	}
	n.status = Open
	l.append(nil, Entry{Kind: EntryEntered, Node: n.id, Epoch: n.epoch})
	l.raise(n, n.epoch)
}

// strike is rules X3 and X5. The node's op number and epoch are kept.
func (l *Ledger) strike(n *node) {
	if n.status == Struck {
		return
	}
	n.status = Struck
	n.struck = l.time
	l.append(nil, Entry{Kind: EntryStruck, Node: n.id, Epoch: n.epoch})
	l.raise(n, n.epoch+1)
}

func (n *node) standing(id Node) Standing {
	if n == nil {
		return Standing{Node: id}
	}
	return Standing{Node: n.id, Status: n.status, Epoch: n.epoch, N: n.n}
}

// standings returns those of all nodes, by id.
func (l *Ledger) standings() []Standing {
	all := make([]Standing, len(l.nodes))
	for i, n := range l.nodes {
		all[i] = n.standing(n.id)
	}
	return all
}
