package cluster

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/cluster/ledger"
)

const (
	// mostTold is the maximum number of apps, the busiest ones, whose demand a
	// heartbeat contains.
	mostTold = 100
	// leastShare is the divisor of the least share: every node gets at least an equal
	// share divided by it.
	leastShare = 8
)

// rates divides apps' limits of events among nodes: each heartbeat contains how
// many events callers wanted on this node (Events).
type rates struct {
	wanted sync.Map // app id -> *atomic.Int64, since the last heartbeat
	said   time.Time
	shared atomic.Pointer[demand]
}

// demand is what callers wanted recently, in events a second.
type demand struct {
	nodes    int // living nodes, including this one
	own, all map[string]float64
}

// EventShare returns how many events a second this node may accept of an app that
// has a limit. A caller wants n events now.
func (p *Peer) EventShare(app *apps.App, n int) float64 {
	if n > 0 {
		found, ok := p.rates.wanted.Load(app.ID)
		if !ok {
			found, _ = p.rates.wanted.LoadOrStore(app.ID, new(atomic.Int64))
		}
		found.(*atomic.Int64).Add(int64(n))
	}
	return p.rates.shared.Load().share(app.ID, float64(app.Limits.EventsPerSecond))
}

// share divides a limit: each node gets its demand and an equal part of the rest.
// If there is no rest, the limit is divided in proportion to demand.
func (d *demand) share(app string, limit float64) float64 {
	if d == nil {
		return limit
	}
	own, all, nodes := d.own[app], d.all[app], float64(d.nodes)
	if all < limit {
		return own + (limit-all)/nodes
	}
	return max(limit*own/all, limit/(leastShare*nodes))
}

// take returns the demand since the last call, as a heartbeat contains it.
func (r *rates) take(now time.Time) (text string, own map[string]float64) {
	passed := now.Sub(r.said).Seconds()
	r.said = now
	type one struct {
		app       string
		perSecond float64
	}
	var busy []one
	r.wanted.Range(func(id, n any) bool {
		if n := n.(*atomic.Int64).Swap(0); n > 0 {
			busy = append(busy, one{id.(string), float64(n) / max(passed, 0.1)})
		} else {
			r.wanted.Delete(id) // a concurrent caller that has just found it is not counted
		}
		return true
	})
	if len(busy) == 0 {
		return "", nil
	}
	slices.SortFunc(busy, func(a, b one) int {
		return cmp.Or(cmp.Compare(b.perSecond, a.perSecond), cmp.Compare(a.app, b.app))
	})
	own = make(map[string]float64, len(busy))
	for _, it := range busy[:min(len(busy), mostTold)] {
		own[it.app] = it.perSecond
	}
	said, _ := json.Marshal(own) // of numbers, which are finite
	return string(said), own
}

// hear divides limits by the demand in the heartbeats of living nodes.
func (r *rates) hear(self ledger.Node, own map[string]float64, all []Beat, nodes int) {
	d := &demand{nodes: nodes, own: own, all: make(map[string]float64, len(own))}
	for app, n := range own {
		d.all[app] = n
	}
	for _, b := range all {
		if b.Node == self || b.Dead {
			continue
		}
		var theirs map[string]float64
		if json.Unmarshal([]byte(b.said().wanted), &theirs) != nil {
			continue // it wants nothing, or is of another version
		}
		for app, n := range theirs {
			if n > 0 {
				d.all[app] += n
			}
		}
	}
	r.shared.Store(d)
}
