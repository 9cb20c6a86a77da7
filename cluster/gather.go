package cluster

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// gathered are the partitions with ops that may wait a moment to be written
// together.
type gathered struct {
	partitions atomic.Uint32 // one bit each
	armed      atomic.Bool   // due is running
	due        *time.Timer
}

func (g *gathered) add(p Partition, wait time.Duration) {
	g.partitions.Or(1 << p)
	if g.armed.CompareAndSwap(false, true) {
		g.due.Reset(wait)
	}
}

// sendGathered writes what was gathered.
func (p *Peer) sendGathered() {
	p.gathered.armed.Store(false) // what is added from here on waits for the next time
	for left := p.gathered.partitions.Swap(0); left != 0; left &= left - 1 {
		q := &p.partitions[bits.TrailingZeros32(left)]
		q.mu.Lock()
		q.flush()
		q.mu.Unlock()
	}
}
