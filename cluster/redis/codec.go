package redis

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// Ops are written and read by nodes; entries are written by scripts, around the op
// of a node, and read by nodes. Both begin with the version of their format. Within
// a version fields are only added, at the end: a reader ignores unknown fields at
// the end, and takes missing fields as zero.
const (
	opVersion     = 1
	entryVersion  = 1
	recordVersion = 1
)

var errShort = errors.New("it is truncated")

// appendOp writes an op: version, kind, N, subject, and the fields of its kind.
func appendOp(b []byte, op *ledger.Op) []byte {
	b = append(b, opVersion, byte(op.Kind))
	b = binary.AppendUvarint(b, op.N)
	switch op.Kind {
	case ledger.OpHold:
		b = appendString(b, op.Subject.String())
		b = binary.AppendVarint(b, int64(op.Sockets))
		b = binary.AppendVarint(b, int64(op.Most))
		b = appendFlag(b, op.Exempt)
		b = binary.AppendUvarint(b, uint64(len(op.On)))
		for i := range op.On {
			b = appendString(b, op.On[i].User)
			b = appendInfo(b, op.On[i].Info)
		}
		b = binary.AppendUvarint(b, uint64(len(op.Off)))
		for _, user := range op.Off {
			b = appendString(b, user)
		}
		b = appendFlag(b, op.Tight)
		b = appendFlag(append(b, byte(op.Hooks)), op.Known)
	case ledger.OpEvent:
		b = appendString(b, op.Subject.String())
		b = appendFlag(b, op.Client)
		b = binary.AppendUvarint(b, op.Except.A)
		b = binary.AppendUvarint(b, op.Except.B)
		b = binary.AppendVarint(b, int64(op.Remember))
		b = binary.AppendVarint(b, int64(op.DataFrom))
		b = binary.AppendVarint(b, int64(op.DataTo))
		b = appendBytes(b, op.Payload)
		b = append(b, byte(op.Hooks))
		b = appendKept(b, &op.Keep)
	case ledger.OpClose, ledger.OpClear:
		b = appendString(b, op.Subject.String())
	case ledger.OpRecall:
		b = appendString(b, op.Subject.String())
		b = binary.AppendUvarint(b, uint64(op.Origin.Node))
		b = binary.AppendUvarint(b, op.Origin.N)
		b = binary.AppendUvarint(b, uint64(op.Was.Birth))
		b = binary.AppendUvarint(b, op.Was.Seq)
		b = binary.AppendUvarint(b, op.Except.A)
		b = binary.AppendUvarint(b, op.Except.B)
		b = binary.AppendVarint(b, int64(op.Remember))
		b = binary.AppendVarint(b, int64(op.DataFrom))
		b = binary.AppendVarint(b, int64(op.DataTo))
		b = appendBytes(b, op.Payload)
	}
	return b
}

// parseOp decodes the output of appendOp. Payload and infos point into b.
func parseOp(b []byte) (op ledger.Op, err error) {
	r := reader{rest: b}
	if v := r.byte(); v != opVersion && r.err == nil {
		return op, fmt.Errorf("op of unknown version %d", v)
	}
	op.Kind = ledger.OpKind(r.byte())
	op.N = r.uvarint()
	switch op.Kind {
	case ledger.OpHold:
		op.Subject = r.subject()
		op.Sockets = r.int()
		op.Most = r.int()
		op.Exempt = r.byte() != 0
		if n := r.count(); n > 0 {
			op.On = make([]ledger.Member, n)
			for i := range op.On {
				op.On[i].User = string(r.bytes())
				op.On[i].Info = r.info()
			}
		}
		if n := r.count(); n > 0 {
			op.Off = make([]string, n)
			for i := range op.Off {
				op.Off[i] = string(r.bytes())
			}
		}
		op.Tight = r.byte() != 0
		op.Hooks, op.Known = ledger.Hooks(r.byte()), r.byte() != 0
	case ledger.OpEvent:
		op.Subject = r.subject()
		op.Client = r.byte() != 0
		op.Except = pusherproto.SocketID{A: r.uvarint(), B: r.uvarint()}
		op.Remember = time.Duration(r.varint())
		op.DataFrom = r.int()
		op.DataTo = r.int()
		op.Payload = r.bytes()
		op.Hooks = ledger.Hooks(r.byte())
		op.Keep = r.keep()
		if op.Remember > 0 {
			r.note(checkData(&op))
		}
	case ledger.OpRecall:
		op.Subject = r.subject()
		op.Origin = ledger.Origin{Node: ledger.Node(r.uvarint()), N: r.uvarint()}
		op.Was = ledger.Place{Birth: ledger.Birth(r.uvarint()), Seq: r.uvarint()}
		op.Except = pusherproto.SocketID{A: r.uvarint(), B: r.uvarint()}
		op.Remember = time.Duration(r.varint())
		op.DataFrom = r.int()
		op.DataTo = r.int()
		op.Payload = r.bytes()
		r.note(checkData(&op))
	case ledger.OpClose, ledger.OpClear:
		op.Subject = r.subject()
	case ledger.OpDone, ledger.OpBye:
	default:
		r.fail(fmt.Errorf("unknown kind %d", op.Kind))
	}
	if r.err != nil {
		return ledger.Op{}, fmt.Errorf("damaged op: %w", r.err)
	}
	return op, nil
}

func checkData(op *ledger.Op) error {
	if op.DataFrom < 0 || op.DataTo < op.DataFrom || op.DataTo > len(op.Payload) {
		return fmt.Errorf("data at %d:%d of a payload of %d bytes", op.DataFrom, op.DataTo, len(op.Payload))
	}
	return nil
}

// parseEntry decodes an entry as append in lua/base.lua writes it. All integers are
// big-endian. The entry points into b.
func parseEntry(b []byte) (*ledger.Entry, error) {
	r := reader{rest: b}
	if v := r.byte(); v != entryVersion && r.err == nil {
		return nil, fmt.Errorf("entry of unknown version %d", v)
	}
	e := &ledger.Entry{Kind: ledger.EntryKind(r.byte())}
	r.take(12) // time and size, for the log
	e.Seq = r.uint64()
	e.Prev = r.uint64()
	e.Birth = ledger.Birth(r.uint64())
	e.Node = ledger.Node(r.uint64())
	e.Epoch = r.uint32()
	op := r.block()
	if n := r.uint32(); n > 0 {
		if int(n) > len(r.rest)/4 {
			r.fail(errShort)
			n = 0
		}
		e.Refused = make([]string, n)
		for i := range e.Refused {
			e.Refused[i] = string(r.block())
		}
	}
	e.Short = int(r.uint32())
	if r.err != nil {
		return nil, fmt.Errorf("damaged entry: %w", r.err)
	}
	switch e.Kind {
	case ledger.EntryHeld, ledger.EntryEvent, ledger.EntryClosed, ledger.EntryRecalled, ledger.EntryCleared:
		var err error
		if e.Op, err = parseOp(op); err != nil {
			return nil, fmt.Errorf("entry %d: %w", e.Seq, err)
		}
	case ledger.EntryEntered, ledger.EntryStruck:
	default:
		return nil, fmt.Errorf("entry %d of unknown kind %d", e.Seq, e.Kind)
	}
	return e, nil
}

// parseRecord decodes a record of the outbox as record in lua/hooks.lua writes it.
// The record points into b. If it cannot be decoded, only its number is returned,
// if there is one.
func parseRecord(b []byte) (it ledger.Record, err error) {
	r := reader{rest: b}
	r.uint32() // the size that it counts for
	version := r.byte()
	it = ledger.Record{Kind: ledger.RecordKind(r.byte()), ID: r.uint64(), Birth: ledger.Birth(r.uint64()), Count: int(r.uint64())}
	lost := ledger.Record{ID: it.ID}
	if version != recordVersion && r.err == nil {
		return lost, fmt.Errorf("record of unknown version %d", version)
	}
	subject, user := uint64(r.uint32()), uint64(r.uint32())
	text := string(r.take(subject))
	it.User = string(r.take(user))
	if r.err != nil {
		return lost, fmt.Errorf("damaged record: %w", r.err)
	}
	var ok bool
	if it.Subject, ok = ledger.ParseSubject(text); !ok {
		return lost, fmt.Errorf("damaged record: %q is not a subject", text)
	}
	if it.Kind == ledger.RecordEvent {
		op, err := parseOp(r.rest)
		if err == nil && op.Kind != ledger.OpEvent {
			err = fmt.Errorf("op of kind %d is not an event", op.Kind)
		}
		if err != nil {
			return lost, fmt.Errorf("record %d: %w", it.ID, err)
		}
		it.Payload, it.Socket = op.Payload, op.Except
	}
	return it, nil
}

func appendFlag(b []byte, flag bool) []byte {
	if flag {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendInfo writes the length plus 1, and the info; 0 means no info.
func appendInfo(b, info []byte) []byte {
	if info == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(info))+1), info...)
}

// reader takes fields from the front of rest. After the first error it returns
// zeros. A field after the end of rest was omitted by an older writer.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

func (r *reader) note(err error) {
	if err != nil {
		r.fail(err)
	}
}

// take returns the next n bytes.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail(errShort)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// block returns bytes behind their length in four bytes.
func (r *reader) block() []byte { return r.take(uint64(r.uint32())) }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) int() int {
	v := r.varint()
	if v < math.MinInt || v > math.MaxInt {
		r.fail(fmt.Errorf("the number %d is too large", v))
		return 0
	}
	return int(v)
}

// count is the length of a list, each item of which takes at least a byte.
func (r *reader) count() uint64 {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail(errShort)
		return 0
	}
	return n
}

// bytes returns bytes after their length; nil only after an error.
func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

func (r *reader) info() []byte {
	if n := r.uvarint(); n > 0 {
		return r.take(n - 1)
	}
	return nil
}

func (r *reader) subject() ledger.Subject {
	text := string(r.bytes())
	s, ok := ledger.ParseSubject(text)
	if !ok && r.err == nil {
		r.fail(fmt.Errorf("%q is not a subject", text))
	}
	return s
}
