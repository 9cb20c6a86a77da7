package cluster

import (
	"encoding/json"
	"slices"
	"sync/atomic"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// collectMost is how many records are collected at once.
const collectMost = 500

// flightMost is the maximum number of records of a partition that a node is
// delivering: the others stay in the outbox. It equals the default capacity of an
// endpoint's queue: an endpoint that is down has its own events dropped, and does
// not delay others.
const flightMost = 100_000

// keeping is a node's state as the keeper of a partition's outbox (rule H6).
type keeping struct {
	term     uint64 // 0: this node is not the keeper
	birth    ledger.Birth
	have     uint64 // the last record received in the term
	ack      uint64 // all records up to it are finished
	said     uint64 // the ack that was sent last
	asking   bool
	asked    time.Time
	more     bool      // there may be records to collect
	flights  []*flight // of the term, in order; finished ones are removed by land
	earlier  map[recordName]*flight
	newest   recordName // the newest record ever handed to the webhooks
	boxed    int        // records in the outbox, as last reported
	lost     uint64     // records dropped before they were collected
	reported uint64     // the part of lost that was logged
}

// recordName identifies a record, also in an outbox that continues from an old
// dump.
type recordName struct {
	birth ledger.Birth
	id    uint64
}

// flight is a record that was handed to the webhooks.
type flight struct {
	name recordName
	done atomic.Bool
}

// collect sends a Collect when there are records to acknowledge or to request.
func (q *partition) collect(now time.Time) {
	k, cfg := &q.keeping, &q.peer.cfg
	if cfg.Hooks == nil || k.asking {
		return
	}
	k.land()
	r := ledger.Collect{Node: cfg.Node, Birth: k.birth, Term: k.term, Have: k.have, Ack: k.ack}
	if k.more && len(k.flights) < flightMost && !q.peer.sated.Load() && q.peer.deaths.keeper() {
		r.Most = min(collectMost, flightMost-len(k.flights))
	}
	waits := len(k.flights) > 0 && now.Sub(k.asked) >= cfg.TickEvery
	if r.Most == 0 && (k.term == 0 || k.ack == k.said && !waits) {
		return
	}
	k.asking, k.asked, k.more, k.said = true, now, false, k.ack
	q.send(r, func(a *ledger.Answer) {
		k.asking = false
		if a == nil {
			k.more, k.said = true, 0 // the last one may not have arrived
			return
		}
		q.collected(a)
	})
}

// collected handles the answer to a Collect.
func (q *partition) collected(a *ledger.Answer) {
	k := &q.keeping
	q.boxed(a)
	if a.Term != k.term || a.Birth != k.birth { // a new memory counts terms and records anew
		k.birth = a.Birth
		if k.begin(a.Term); a.Term != 0 {
			q.peer.counters.terms.Add(1)
		}
	}
	for i := range a.Box {
		q.hand(&a.Box[i])
	}
	k.more = k.more || len(a.Box) > 0
}

// boxed records the size and the losses of an outbox.
func (q *partition) boxed(a *ledger.Answer) {
	k := &q.keeping
	k.boxed, k.lost = a.Boxed, a.Lost
	k.more = k.more || a.Boxed > 0
	if k.lost < k.reported {
		k.reported = 0 // another memory
	}
	if k.lost > k.reported {
		q.peer.cfg.Logger.Warn("webhooks of the cluster were dropped before a node collected them", "partition", int(q.number), "events", k.lost-k.reported)
		k.reported = k.lost
	}
}

// begin starts a term, or with 0 ends one. Records being delivered continue: if
// they are collected again they are not handed over again.
func (k *keeping) begin(term uint64) {
	earlier := make(map[recordName]*flight)
	for name, f := range k.earlier {
		if !f.done.Load() {
			earlier[name] = f
		}
	}
	for _, f := range k.flights {
		if !f.done.Load() {
			earlier[f.name] = f
		}
	}
	k.term, k.have, k.ack, k.said, k.flights, k.earlier = term, 0, 0, 0, nil, earlier
}

// land advances the acknowledgment to the first record that is not finished.
// Finished records after it do not count for flightMost, as they may be many: the
// endpoint of the first may be slow while theirs are not.
func (k *keeping) land() {
	k.flights = slices.DeleteFunc(k.flights, func(f *flight) bool { return f.done.Load() })
	if len(k.flights) > 0 {
		k.ack = k.flights[0].name.id - 1
		return
	}
	k.flights, k.ack = nil, k.have
}

// hand gives a record to the webhooks.
func (q *partition) hand(r *ledger.Record) {
	k := &q.keeping
	if r.ID <= k.have {
		return
	}
	k.have = r.ID
	name := recordName{r.Birth, r.ID}
	f := k.earlier[name]
	delete(k.earlier, name)
	if f == nil {
		f = &flight{name: name}
		if name.birth == k.newest.birth && name.id <= k.newest.id {
			f.done.Store(true)
		} else {
			k.newest = name
			q.tell(r, f)
		}
	}
	k.flights = append(k.flights, f)
}

func (q *partition) tell(r *ledger.Record, f *flight) {
	n, ok := noticeOf(r)
	if !ok {
		q.peer.cfg.Logger.Error("a webhook of the cluster cannot be read", "partition", int(q.number), "record", r.ID)
		f.done.Store(true)
		return
	}
	q.peer.cfg.Hooks.Tell(n, func() { f.done.Store(true) })
}

// noticeOf converts a record to a Notice.
func noticeOf(r *ledger.Record) (n channels.Notice, ok bool) {
	n = channels.Notice{App: &apps.App{ID: r.Subject.App}, Channel: r.Subject.Name, UserID: r.User, Count: r.Count}
	switch r.Kind {
	case ledger.RecordOccupied:
		n.Kind = channels.ChannelOccupied
	case ledger.RecordVacated:
		n.Kind = channels.ChannelVacated
	case ledger.RecordAdded:
		n.Kind = channels.MemberAdded
	case ledger.RecordRemoved:
		n.Kind = channels.MemberRemoved
	case ledger.RecordCount:
		n.Kind = channels.SubscriptionCount
	case ledger.RecordEvent:
		var event struct {
			Event string
			Data  json.RawMessage
		}
		if err := json.Unmarshal(r.Payload, &event); err != nil {
			return n, false
		}
		n.Kind, n.Event, n.Data, n.SocketID = channels.ClientEvent, event.Event, event.Data, r.Socket
		n.UserID = pusherproto.ClientEventUser(r.Payload)
	default:
		return n, false
	}
	return n, true
}

// lastAck sends an acknowledgment before a bye, so that fewer records are given to
// the next keeper.
func (q *partition) lastAck() {
	k := &q.keeping
	if k.term == 0 {
		return
	}
	if k.land(); k.ack != k.said {
		k.said = k.ack
		q.send(ledger.Collect{Node: q.peer.cfg.Node, Birth: k.birth, Term: k.term, Have: k.have, Ack: k.ack}, func(*ledger.Answer) {})
	}
}
