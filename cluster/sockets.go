package cluster

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync/atomic"

	"fanfare/apps"
	"fanfare/cluster/ledger"
)

// elsewhere is the number of sockets that apps have on the other nodes, as in their
// last heartbeats.
type elsewhere struct {
	sockets atomic.Pointer[map[string]int] // by app id
}

// Sockets implements channels.Cluster. The other nodes' sockets are those of their
// last heartbeats, which contain the mostTold apps with the most sockets on each.
func (p *Peer) Sockets(given *apps.App) int {
	n := 0
	if found, ok := p.apps.Load(given.ID); ok {
		n = int(found.(*app).open.Load())
	}
	if others := p.elsewhere.sockets.Load(); others != nil {
		n += (*others)[given.ID]
	}
	return n
}

// ownSockets returns the sockets on this node as a heartbeat contains them; "" if
// there are none.
func (p *Peer) ownSockets() string {
	type one struct {
		app     string
		sockets int64
	}
	var all []one
	p.apps.Range(func(id, a any) bool {
		if n := a.(*app).open.Load(); n > 0 {
			all = append(all, one{id.(string), n})
		}
		return true
	})
	if len(all) == 0 {
		return ""
	}
	slices.SortFunc(all, func(a, b one) int {
		return cmp.Or(cmp.Compare(b.sockets, a.sockets), cmp.Compare(a.app, b.app))
	})
	own := make(map[string]int64, mostTold)
	for _, it := range all[:min(len(all), mostTold)] {
		own[it.app] = it.sockets
	}
	text, _ := json.Marshal(own) // of numbers
	return string(text)
}

// hear adds up the sockets in the heartbeats of living nodes.
func (e *elsewhere) hear(self ledger.Node, all []Beat) {
	sums := map[string]int{}
	for i := range all {
		b := &all[i]
		if b.Node == self || b.Dead {
			continue
		}
		var theirs map[string]int
		if json.Unmarshal([]byte(b.said().sockets), &theirs) != nil {
			continue // it has none, or is of another version
		}
		for app, n := range theirs {
			if n > 0 {
				sums[app] += n
			}
		}
	}
	e.sockets.Store(&sums)
}
