package sim

import (
	"fmt"
	"slices"
	"time"

	"fanfare/cluster/ledger"
)

// crowdKept is how long a closed socket may still count against the limit: its node
// may report the close that late.
const crowdKept = 12 * time.Second

// crowd is the sockets that were accepted, for an app with a limit of connections.
type crowd struct {
	inside []*socket
	left   []*socket // within crowdKept
}

// enters counts an accepted socket. It fails if the limit is exceeded, unless a node
// was declared dead while its sockets stayed open, a server has lost shares, or sockets
// were accepted while the ledger could not be reached.
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
		w.failf("", "%s was accepted as number %d; the limit is %d, and %d were accepted without the ledger", s, n, w.cfg.MaxConnections, alone)
	}
}

// exits removes a socket from the count.
func (w *World) exits(s *socket) {
	c := &w.crowd
	if i := slices.Index(c.inside, s); i >= 0 {
		c.inside = slices.Delete(c.inside, i, i+1)
		s.left = w.now
		c.left = append(c.left, s)
	}
}

// turnedAway checks the refusal of a socket that is over quota: open sockets and those
// being accepted must have used up the limit.
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
			w.failf("", "%s was refused as over quota at %v, with %d sockets open; the limit is %d", s, at, n, w.cfg.MaxConnections)
		}
	})
}

// compareShares compares the shares of nodes in the ledger with their sockets.
func (w *World) compareShares() problem {
	if w.cfg.MaxConnections == 0 {
		return problem{}
	}
	shares := map[ledger.Node]int{}
	in := w.servers[0].live // the server of partition 0
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
			return problem{"", fmt.Sprintf("the ledger gives %s a share of %d sockets; it has %d", n, share, open)}
		}
		delete(shares, n.id)
	}
	if len(shares) > 0 || sum > w.cfg.MaxConnections {
		return problem{"", fmt.Sprintf("the shares add up to %d, the limit is %d; shares of dead nodes: %v", sum, w.cfg.MaxConnections, shares)}
	}
	return problem{}
}
