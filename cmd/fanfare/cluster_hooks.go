package main

import (
	"time"

	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/webhooks"
)

// clusterHooks passes the events that the cluster's ledgers decide on to the sender
// of webhooks.
type clusterHooks struct{ sender *webhooks.Sender }

var (
	_ cluster.Hooks     = clusterHooks{}
	_ channels.Observer = clusterHooks{}
)

// hookKinds maps each kind of webhook in the ledger to one of its notices.
var hookKinds = [...]struct {
	hook ledger.Hooks
	kind channels.NoticeKind
}{
	{ledger.HookChannel, channels.ChannelOccupied},
	{ledger.HookMembers, channels.MemberAdded},
	{ledger.HookCount, channels.SubscriptionCount},
	{ledger.HookEvents, channels.ClientEvent},
}

// Wants implements cluster.Hooks.
func (h clusterHooks) Wants(appID, channel string) (wants ledger.Hooks) {
	kinds := h.sender.Wants(appID, channel)
	if kinds == 0 {
		return 0
	}
	for _, k := range hookKinds {
		if kinds&(1<<k.kind) != 0 {
			wants |= k.hook
		}
	}
	return wants
}

// Grace implements cluster.Hooks.
func (h clusterHooks) Grace() time.Duration { return h.sender.Grace() }

// Tell implements cluster.Hooks.
func (h clusterHooks) Tell(n channels.Notice, done func()) { h.sender.Tell(n, done) }

// Observe implements channels.Observer. It sends only cache misses, which one node
// alone sees. All other events come from the ledger, once for the whole cluster.
func (h clusterHooks) Observe(n channels.Notice) {
	if n.Kind == channels.CacheMiss {
		h.sender.Observe(n)
	}
}
