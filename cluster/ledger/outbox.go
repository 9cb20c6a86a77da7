package ledger

import (
	"bytes"
	"strings"

	"fanfare/pusherproto"
)

// RecordKind says what a Record reports.
type RecordKind uint8

// The kinds of records.
const (
	RecordOccupied RecordKind = iota + 1
	RecordVacated
	RecordAdded   // a member joined
	RecordRemoved // a member left
	RecordCount   // the number of sockets has changed
	RecordEvent   // a client event
)

// Record is one event for webhooks. It is immutable.
type Record struct {
	ID      uint64 // position in the outbox: 1, 2, 3 …
	Birth   Birth  // of the memory in which it was made
	Kind    RecordKind
	Subject Subject
	User    string               // RecordAdded, RecordRemoved
	Count   int                  // RecordCount
	Payload []byte               // RecordEvent: the text of the WebSocket message
	Socket  pusherproto.SocketID // RecordEvent: its sender
}

// outbox is the records that webhooks have yet to deliver (rules H5, H6).
type outbox struct {
	records []boxed
	bytes   int
	last    uint64 // number of the newest record ever
	lost    uint64 // records dropped for lack of room before a keeper had collected them

	keeper Node
	term   uint64 // 0: there is no keeper
	heard  int64  // ledger time of the keeper's last request
	taken  uint64 // the last record that the keeper has
}

type boxed struct {
	record Record
	size   int
}

// boxBytes is the budget of an outbox.
const boxBytes = 1 << 20

// keeperSilence is the ledger time, in ms, after which a keeper that sends no
// request is replaced.
const keeperSilence = 10_000

// record adds a record to the outbox.
func (l *Ledger) record(r Record) { l.box(r, len(r.Subject.String())+len(r.User)) }

// recordEvent adds a client event to the outbox. It is a copy, so the request can
// be freed.
func (l *Ledger) recordEvent(op *Op) {
	s := Subject{op.Subject.Kind, strings.Clone(op.Subject.App), strings.Clone(op.Subject.Name)}
	l.box(Record{Kind: RecordEvent, Subject: s, Payload: bytes.Clone(op.Payload), Socket: op.Except}, op.Size())
}

func (l *Ledger) box(r Record, size int) {
	b := &l.outbox
	b.last++
	r.ID, r.Birth = b.last, l.birth
	b.records = append(b.records, boxed{r, 64 + size})
	b.bytes += 64 + size
	budget := l.BoxBytes
	if budget == 0 {
		budget = boxBytes
	}
	for b.bytes > budget {
		if b.first() > b.taken {
			b.lost++
		}
		b.drop()
	}
}

// first returns the number of the oldest record, or of the next.
func (b *outbox) first() uint64 { return b.last - uint64(len(b.records)) + 1 }

func (b *outbox) drop() {
	b.bytes -= b.records[0].size
	b.records[0] = boxed{}
	b.records = b.records[1:]
}

// collect is rule H6. The term is 0 if the node is not the keeper. A request of a
// broken connection may arrive late: it cannot reduce what the keeper has, so no
// other node replaces the keeper while it delivers.
func (l *Ledger) collect(r Collect) (term uint64, records []Record) {
	b, have := &l.outbox, uint64(0)
	n := l.node(r.Node)
	switch {
	case n == nil || n.status == Struck:
		return 0, nil
	case r.Term != 0 && r.Term == b.term && r.Birth == l.birth && r.Node == b.keeper:
		for len(b.records) > 0 && b.first() <= r.Ack {
			b.drop()
		}
		have = min(r.Have, b.last)
		b.taken = max(b.taken, have)
	case r.Most > 0 && l.keeperless():
		b.keeper, b.taken = r.Node, 0
		b.term++
	default:
		return 0, nil
	}
	b.heard = l.time
	for _, it := range b.records {
		if it.record.ID > have && len(records) < r.Most {
			records = append(records, it.record)
		}
	}
	if len(records) > 0 {
		b.taken = max(b.taken, records[len(records)-1].ID)
	}
	return b.term, records
}

// keeperless reports whether another node may become the keeper.
func (l *Ledger) keeperless() bool {
	b := &l.outbox
	n := l.node(b.keeper)
	return n == nil || n.status == Struck || b.taken < b.first() || b.heard+keeperSilence <= l.time
}

// Outbox returns the records after a number, oldest first, and the number of the
// newest ever. It is for tests and simulations that watch a ledger.
func (l *Ledger) Outbox(after uint64) (records []Record, last uint64) {
	for _, it := range l.outbox.records {
		if it.record.ID > after {
			records = append(records, it.record)
		}
	}
	return records, l.outbox.last
}
