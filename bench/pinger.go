package bench

import (
	"time"

	"fanfare/bench/client"
)

// pinger sends a ping on each socket of a fleet at an interval, evenly spread over
// time, as clients do that receive nothing. It belongs to the loop.
type pinger struct {
	fleet    *fleet
	interval int64 // of each socket, nanoseconds
	started  int64
	sent     int64
}

func newPinger(f *fleet, interval time.Duration) *pinger {
	return &pinger{fleet: f, interval: int64(interval), started: f.loop.Now()}
}

// Turn implements task.
func (p *pinger) Turn(now int64) (next int64) {
	all := int64(len(p.fleet.conns))
	for due := (now - p.started) / (p.interval / all); p.sent < due; p.sent++ {
		if c := p.fleet.conns[p.sent%all]; c != nil && c.Open() {
			p.fleet.send(c, client.OpText, p.fleet.target.dialect.ping())
		}
	}
	return p.started + (p.sent+1)*(p.interval/all)
}
