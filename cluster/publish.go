package cluster

import (
	"bytes"
	"context"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// subjectOf returns the subject of a channel: for a user's own channel, the user.
func subjectOf(appID, channel string) ledger.Subject {
	if user, ok := pusherproto.UserOfChannel(channel); ok {
		return ledger.Subject{Kind: ledger.User, App: appID, Name: user}
	}
	return ledger.Subject{Kind: ledger.Channel, App: appID, Name: channel}
}

// Publish implements channels.Cluster. A client event is delivered on this node at
// once. An event of the API is delivered on all nodes when its entry arrives; so is
// a client event on a channel that keeps history, because a history has one order.
// Client events are refused while the queue of ops exceeds its bounds (rule U3).
func (p *Peer) Publish(pub channels.Publication) (taken bool) {
	name := subjectOf(pub.App.ID, pub.Channel)
	q := p.partitionOf(name)
	op := ledger.Op{Kind: ledger.OpEvent, Subject: name, Payload: pub.Frame.Payload(), Except: pub.Except, Client: pub.Client}
	if name.Kind == ledger.Channel {
		op.Keep = keepOf(pub.App, pub.Keep)
	}
	op.Once = onceOf(&pub)
	if pub.Remember > 0 && pub.Data != nil {
		op.Remember = pub.Remember
		op.DataFrom, op.DataTo = span(op.Payload, pub.Data)
	}
	if h := p.cfg.Hooks; h != nil && pub.Client && name.Kind == ledger.Channel {
		op.Hooks = h.Wants(name.App, name.Name) & ledger.HookEvents
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !pub.Client {
		o := q.say(op, pub.Accepted)
		if o != nil {
			o.placed = pub.Placed // the answer takes the lock
		}
		return o != nil
	}
	if q.queue(op, pub.Accepted) == nil {
		return false
	}
	if op.Keep.Events == 0 {
		p.node.Deliver(pub.App, pub.Channel, pub.Frame, pub.Except)
	}
	if p.cfg.Gather == 0 {
		q.flush()
	} else {
		p.gathered.add(q.number, p.cfg.Gather)
	}
	return true
}

// span returns where part is in a payload.
func span(payload, part []byte) (from, to int) {
	if len(part) == 0 {
		return 0, 0
	}
	from = bytes.LastIndex(payload, part)
	return from, from + len(part)
}

// Terminate implements channels.Cluster.
func (p *Peer) Terminate(ctx context.Context, app *apps.App, userID string) error {
	return p.confirmed(ctx, ledger.Op{Kind: ledger.OpClose, Subject: ledger.Subject{Kind: ledger.User, App: app.ID, Name: userID}})
}
