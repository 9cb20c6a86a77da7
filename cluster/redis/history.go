package redis

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"fanfare/cluster/ledger"
)

// appendKeep writes what do.lua needs to keep an event: number of events, ms, bytes
// of the app.
func appendKeep(b []byte, op *ledger.Op) []byte {
	k := &op.Keep
	kept := op.Kind == ledger.OpEvent && k.Events > 0
	b = binary.BigEndian.AppendUint32(b, clamp(kept, k.Events))
	b = binary.BigEndian.AppendUint64(b, uint64(max(k.TTL.Milliseconds(), 1)))
	return binary.BigEndian.AppendUint64(b, uint64(max(k.Bytes, 0)))
}

// appendKept writes how an event is kept, as a part of its op.
func appendKept(b []byte, k *ledger.Keep) []byte {
	if k.Events <= 0 {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(k.Events))
	b = binary.AppendVarint(b, int64(k.TTL))
	return binary.AppendVarint(b, int64(k.Bytes))
}

// keep decodes the output of appendKept. Older versions write nothing.
func (r *reader) keep() (k ledger.Keep) {
	if len(r.rest) == 0 {
		return k
	}
	n := r.uvarint()
	if n == 0 {
		return k
	}
	if n > math.MaxInt32 {
		r.fail(fmt.Errorf("%d events to keep are too many", n))
		return k
	}
	return ledger.Keep{Events: int(n), TTL: time.Duration(r.varint()), Bytes: r.int()}
}

// history reads a part of a history as of a moment (lua/history.lua).
func (r *reply) history(moment int64) (h ledger.History) {
	in := reply{fields: r.list()}
	h.Dropped, h.Cleared, h.More = uint64(in.number()), uint64(in.number()), in.number() != 0
	for _, m := range in.list() {
		text, err := m.ToString()
		in.note(err)
		if in.err != nil {
			break
		}
		it, err := parseKept([]byte(text), moment)
		in.note(err)
		h.Events = append(h.Events, it)
	}
	r.note(in.err)
	return h
}

// parseKept decodes an event of a history. It points into b.
func parseKept(b []byte, moment int64) (it ledger.Kept, err error) {
	r := reader{rest: b}
	it.Seq, it.Time, it.TTL = r.uint64(), int64(r.uint64()), int64(r.uint64())-moment
	r.uint32() // the size that it counts for
	if r.err != nil {
		return ledger.Kept{}, fmt.Errorf("damaged event of a history: %w", r.err)
	}
	op, err := parseOp(r.rest)
	if err == nil && op.Kind != ledger.OpEvent {
		err = fmt.Errorf("op of kind %d is not an event", op.Kind)
	}
	if err != nil {
		return ledger.Kept{}, fmt.Errorf("event %d of a history: %w", it.Seq, err)
	}
	it.Payload, it.Except, it.Client = op.Payload, op.Except, op.Client
	return it, nil
}

// placed reads the positions of the events of a Do that are kept.
func (r *reply) placed() (all []ledger.Placement) {
	in := reply{fields: r.list()}
	for len(in.fields) > 0 && in.err == nil {
		all = append(all, ledger.Placement{N: uint64(in.number()), Seq: uint64(in.number())})
	}
	r.note(in.err)
	return all
}
