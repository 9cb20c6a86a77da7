package channels

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Stats is a snapshot of what the node carries and has carried since it began.
type Stats struct {
	Apps             []AppStats // sorted by id; apps that were used at least once
	Refusals         map[int]uint64
	Published        uint64 // API events, each counted once however many channels
	ClientEvents     uint64
	MessagesReceived uint64
	BytesReceived    uint64
	FramesSent       uint64
	BytesSent        uint64
	Writes           uint64
	SlowReaders      uint64
}

// AppStats is what one app has on this node.
type AppStats struct {
	ID       string
	Sockets  int64
	Channels int64 // with a subscriber on this node
}

// Stats takes a snapshot for metrics.
func (h *Hub) Stats() Stats {
	s := Stats{
		Refusals:     h.refusals.snapshot(),
		Published:    h.published.Load(),
		ClientEvents: h.relayed.Load(),
	}
	for _, o := range h.owners {
		c := o.Counters()
		s.MessagesReceived += c.MessagesReceived.Load()
		s.BytesReceived += c.BytesReceived.Load()
		s.FramesSent += c.FramesSent.Load()
		s.BytesSent += c.BytesSent.Load()
		s.Writes += c.Writes.Load()
		s.SlowReaders += c.SlowReaders.Load()
	}
	h.tenants.Range(func(id, t any) bool {
		s.Apps = append(s.Apps, AppStats{
			ID:       id.(string),
			Sockets:  t.(*tenant).sockets.Load(),
			Channels: t.(*tenant).table.size(),
		})
		return true
	})
	slices.SortFunc(s.Apps, func(a, b AppStats) int { return strings.Compare(a.ID, b.ID) })
	return s
}

// size counts channels, leaving out the groups of users and watchers.
func (t *table) size() int64 {
	var n int64
	for i := range t.stripes {
		st := &t.stripes[i]
		st.mu.Lock()
		for name := range st.channels.entries {
			if name[0] != '#' {
				n++
			}
		}
		st.mu.Unlock()
	}
	return n
}

// refusals counts by protocol code; 0 stands for a null code.
type refusals struct {
	byCode sync.Map // int -> *atomic.Uint64
}

func (r *refusals) add(code int) {
	n, ok := r.byCode.Load(code)
	if !ok {
		n, _ = r.byCode.LoadOrStore(code, new(atomic.Uint64))
	}
	n.(*atomic.Uint64).Add(1)
}

func (r *refusals) snapshot() map[int]uint64 {
	out := make(map[int]uint64)
	r.byCode.Range(func(code, n any) bool {
		out[code.(int)] = n.(*atomic.Uint64).Load()
		return true
	})
	return out
}

// Refused counts a refusal that a transport or the HTTP API made itself.
func (h *Hub) Refused(code int) { h.refusals.add(code) }
