package sim

import (
	"fmt"
	"slices"
	"time"

	"fanfare/cluster/ledger"
)

// crowdKept is for how long a socket that is gone may still be counted as there:
// what its node says of that may be as late.
const crowdKept = 12 * time.Second

// crowd is the sockets that were let in, where the app has a limit of them.
type crowd struct {
	inside []*socket
	left   []*socket // not long ago
}

// enters counts a socket in. There must be a place for it, unless a node was
// taken for dead whose sockets live on, or a server has forgotten shares, or
// sockets were let in while the ledger was away.
func (w *World) enters(s *socket) {
	if w.cfg.MaxConnections == 0 {
		return
	}
	c := &w.crowd
	c.inside = append(c.inside, s)
	alone, faithful := 0, !w.lossy && !w.split
	for _, n := range w.nodes {
		alone += int(n.peer.Health().Unasked - n.unasked)
		faithful = faithful && !n.struck
	}
	if n := len(c.inside); faithful && n > w.cfg.MaxConnections+alone {
		w.failf("", "%s is let in as number %d; the limit is %d, and %d were let in without the ledger", s, n, w.cfg.MaxConnections, alone)
	}
}

// exits counts a socket out.
func (w *World) exits(s *socket) {
	c := &w.crowd
	if i := slices.Index(c.inside, s); i >= 0 {
		c.inside = slices.Delete(c.inside, i, i+1)
		s.left = w.now
		c.left = append(c.left, s)
	}
}

// turnedAway is for a socket that is refused for good. There must have been no
// place for it: others had them, or were about to.
func (w *World) turnedAway(s *socket) {
	at := w.now
	w.after(3*time.Second, func() {
		c, n := &w.crowd, 0
		c.left = slices.DeleteFunc(c.left, func(s *socket) bool { return s.left+crowdKept < at })
		for _, o := range slices.Concat(c.inside, c.left) {
			if o.opened <= at {
				n++
			}
		}
		for _, node := range w.nodes {
			for _, o := range node.sockets {
				if o.opened <= at && o.closed == 0 && !o.Established() {
					n++
				}
			}
		}
		if n < w.cfg.MaxConnections {
			w.failf("", "%s was refused for good at %v, while %d were in; the limit is %d", s, at, n, w.cfg.MaxConnections)
		}
	})
}

// compareShares holds what the ledger lets nodes have to what they have.
func (w *World) compareShares() problem {
	if w.cfg.MaxConnections == 0 {
		return problem{}
	}
	shares := map[ledger.Node]int{}
	in := w.servers[0].live // whose is partition 0
	a, _ := in.ledgers[0].Handle(in.run, 1, 0, ledger.GetState{Subject: ledger.Subject{Kind: ledger.App, App: appID}})
	sum := 0
	for _, f := range a.State.Facts {
		shares[f.Node], sum = f.Sockets, sum+f.Sockets
	}
	for _, n := range w.nodes {
		open := 0
		for _, s := range n.sockets {
			if s.Established() {
				open++
			}
		}
		if share := shares[n.id]; share < open || share > open && w.cfg.MaxConnections < 64 {
			return problem{"", fmt.Sprintf("the ledger says that %s may have %d sockets, it has %d", n, share, open)}
		}
		delete(shares, n.id)
	}
	if len(shares) > 0 || sum > w.cfg.MaxConnections {
		return problem{"", fmt.Sprintf("the shares are %d of %d sockets, those of nodes that are gone %v", sum, w.cfg.MaxConnections, shares)}
	}
	return problem{}
}
