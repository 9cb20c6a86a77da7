package channels

import (
	"slices"
	"strings"

	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// Stats is a snapshot of the node's gauges, and of its counters since it started.
type Stats struct {
	Apps     []AppStats     // sorted by id; the apps that were used and not removed by Forget
	Refusals map[int]uint64 // by code
	Refused  []Refusal      // the same, by app and reason too; sorted

	// Sums for the node: all apps, and refused sockets.
	Published        uint64
	ClientEvents     uint64
	MessagesReceived uint64
	BytesReceived    uint64
	FramesSent       uint64
	BytesSent        uint64
	Writes           uint64
	SlowReaders      uint64
}

// AppStats are the gauges and counters of one app on this node.
type AppStats struct {
	ID            string
	HeldBytes     int64 // memory that is held for the app
	Sockets       int64
	Channels      int64 // with a subscriber on this node
	Subscriptions []KindStats
	History       HistoryStats
	Members       int64 // of presence channels with a subscriber on this node, on all nodes
	Opened        uint64
	Closed        []CloseStats
	Published     uint64 // API events; an event for several channels counts once
	ClientEvents  uint64

	MessagesReceived uint64
	BytesReceived    uint64
	FramesSent       uint64
	BytesSent        uint64
}

// KindStats is the number of subscriptions to channels of one kind.
type KindStats struct {
	Kind          string
	Subscriptions int64
}

// HistoryStats is what the histories of an app contain on this node.
type HistoryStats struct {
	Events  int64
	Bytes   int64
	Dropped []DropStats // events that were dropped since the server started
}

// DropStats is the number of events that were dropped for one reason.
type DropStats struct {
	Reason string
	Events uint64
}

// CloseStats is the number of connections that ended with a code. Code 0 stands for
// all codes that are not counted separately, because a client may send any.
type CloseStats struct {
	Code  int
	Count uint64
}

// Stats takes a snapshot for metrics.
func (h *Hub) Stats() Stats {
	tenants, s := h.tenants.now()
	s.Refused, s.Refusals = h.refusals.snapshot()
	for _, o := range h.owners {
		c := o.Counters()
		s.MessagesReceived += c.MessagesReceived.Load()
		s.BytesReceived += c.BytesReceived.Load()
		s.FramesSent += c.FramesSent.Load()
		s.BytesSent += c.BytesSent.Load()
		s.Writes += c.Writes.Load()
		s.SlowReaders += c.SlowReaders.Load()
	}
	for id, t := range tenants {
		a := t.stats(id)
		if of, ok := h.cluster.(dropper); ok {
			a.History.Dropped = of.Dropped(id)
		}
		s.Apps = append(s.Apps, a)
		s.add(&a)
	}
	slices.SortFunc(s.Apps, func(a, b AppStats) int { return strings.Compare(a.ID, b.ID) })
	return s
}

// add adds an app to the sums of the node.
func (s *Stats) add(a *AppStats) {
	s.Published += a.Published
	s.ClientEvents += a.ClientEvents
	s.MessagesReceived += a.MessagesReceived
	s.BytesReceived += a.BytesReceived
	s.FramesSent += a.FramesSent
	s.BytesSent += a.BytesSent
}

func (t *tenant) stats(id string) AppStats {
	a := AppStats{
		ID:           id,
		History:      HistoryStats{Events: int64(t.account.Count(account.History)), Bytes: t.account.BytesOf(account.History)},
		HeldBytes:    t.account.Bytes(),
		Sockets:      max(0, t.sockets.Load()),
		Channels:     t.table.channels.Load(),
		Members:      t.members.Load(),
		Opened:       t.opened.Load(),
		Published:    t.published.Load(),
		ClientEvents: t.relayed.Load(),
	}
	for i := range t.subscriptions {
		if kind := pusherproto.Kind(i).String(); kind != "" {
			a.Subscriptions = append(a.Subscriptions, KindStats{kind, t.subscriptions[i].Load()})
		}
	}
	for i, code := range closeCodes {
		if n := t.closed[i].Load(); n > 0 {
			a.Closed = append(a.Closed, CloseStats{code, n})
		}
	}
	if n := t.closed[len(closeCodes)].Load(); n > 0 {
		a.Closed = append(a.Closed, CloseStats{0, n})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.shares {
		a.MessagesReceived += s.traffic.MessagesReceived.Load()
		a.BytesReceived += s.traffic.BytesReceived.Load()
		a.FramesSent += s.traffic.FramesSent.Load()
		a.BytesSent += s.traffic.BytesSent.Load()
	}
	return a
}
