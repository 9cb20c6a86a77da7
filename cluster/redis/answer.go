package redis

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"fanfare/cluster/ledger"
)

// markKept is how long a close mark is valid, ms of ledger time.
const markKept = 60 * 60 * 1000

// reply reads the fields of a script's answer one after the other.
type reply struct {
	fields []rueidis.RedisMessage
	birth  ledger.Birth // of the memory that answers
	moment int64        // ledger time now, once record has read it
	err    error
}

func (r *reply) next() rueidis.RedisMessage {
	if len(r.fields) == 0 {
		if r.err == nil {
			r.err = errShort
		}
		return rueidis.RedisMessage{}
	}
	m := r.fields[0]
	r.fields = r.fields[1:]
	return m
}

func (r *reply) note(err error) {
	if err != nil && r.err == nil {
		r.err = err
	}
}

func (r *reply) text() string {
	m := r.next()
	if r.err != nil {
		return ""
	}
	s, err := m.ToString()
	r.note(err)
	return s
}

func (r *reply) number() int64 {
	m := r.next()
	if r.err != nil {
		return 0
	}
	n, err := m.AsInt64()
	r.note(err)
	return n
}

func (r *reply) list() []rueidis.RedisMessage {
	m := r.next()
	if r.err != nil {
		return nil
	}
	list, err := m.ToArray()
	r.note(err)
	return list
}

// pairs returns a list of names and values.
func (r *reply) pairs() []pair {
	list := r.list()
	pairs := make([]pair, 0, len(list)/2)
	in := reply{fields: list}
	for len(in.fields) > 0 && in.err == nil {
		pairs = append(pairs, pair{in.text(), []byte(in.text())})
	}
	r.note(in.err)
	return pairs
}

type pair struct {
	name  string
	value []byte
}

// parseAnswer reads what the script for r answered.
func parseAnswer(r ledger.Request, m rueidis.RedisMessage) (ledger.Answer, error) {
	fields, err := m.ToArray()
	if err != nil {
		return ledger.Answer{}, err
	}
	in := reply{fields: fields}
	birth := reader{rest: []byte(in.text())}
	a := ledger.Answer{Birth: ledger.Birth(birth.uint64()), Head: uint64(in.number())}
	in.note(birth.err)
	in.birth = a.Birth
	switch r := r.(type) {
	case ledger.Do:
		a.Link = in.number() != 0
		a.Standing = in.standing(r.Node)
		a.Full = in.numbers()
		a.Placed = in.placed()
	case ledger.Claim:
		a.Claimed = ledger.Claimed(in.number())
	case ledger.Link:
		a.Standing = in.standing(r.Node)
		a.Common, a.Born = uint64(in.number()), uint64(in.number())
		a.Full = in.numbers()
	case ledger.Strike:
		a.Standing = in.standing(r.Node)
	case ledger.Poll:
		a.Link = in.number() != 0
		a.Standing = in.standing(r.Node)
		a.Nodes = standings(in.nodes())
	case ledger.Tick:
		a.Nodes = standings(in.nodes())
		a.Boxed, a.Lost = int(in.number()), uint64(in.number())
	case ledger.Collect:
		a.Term, a.Boxed, a.Lost = uint64(in.number()), int(in.number()), uint64(in.number())
		a.Box = in.records(r.Have)
	case ledger.GetLog:
		a.Missing = in.number() != 0
		log, unread := in.log()
		if a.Log = log; unread != nil && in.err == nil {
			a.Missing = true
			return a, &unreadError{unread}
		}
	case ledger.GetState:
		var rec record
		rec, a.Nodes = in.record()
		a.State = rec.state(r.Subject, a.Birth, a.Nodes)
		a.Nodes = nil
		a.State.History = in.history(in.moment)
		slices.Reverse(a.State.History.Events)
	case ledger.GetHistory:
		a.History = in.history(in.number())
	case ledger.Describe:
		rec, _ := in.record()
		var t ledger.Totals
		t, a.Members = rec.describe(r.Subject)
		a.Channels = []ledger.Totals{t}
	case ledger.List:
		a.Channels = in.channels()
	}
	if in.err != nil {
		return ledger.Answer{}, fmt.Errorf("read the answer to %T: %w", r, in.err)
	}
	return a, nil
}

// standing reads a node's status, epoch and n, nothing for an unknown node.
func (r *reply) standing(id ledger.Node) ledger.Standing {
	s := ledger.Standing{Node: id}
	if text := r.text(); text != "" {
		in := reader{rest: []byte(text)}
		s.Status, s.Epoch, s.N = ledger.Status(in.byte()), in.uint32(), in.uint64()
		r.note(in.err)
	}
	return s
}

// known is a node's stored fields.
type known struct {
	ledger.Standing
	floor uint32 // facts of earlier epochs do not count
}

func (r *reply) nodes() []known {
	var all []known
	for _, it := range r.pairs() {
		id, in := reader{rest: []byte(it.name)}, reader{rest: it.value}
		var n known
		n.Node = ledger.Node(id.uint64())
		n.Status, n.Epoch, n.floor, n.N = ledger.Status(in.byte()), in.uint32(), in.uint32(), in.uint64()
		r.note(errors.Join(id.err, in.err))
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b known) int { return cmp.Compare(a.Node, b.Node) })
	return all
}

func standings(all []known) []ledger.Standing {
	s := make([]ledger.Standing, len(all))
	for i := range all {
		s[i] = all[i].Standing
	}
	return s
}

// numbers reads a list of numbers, nil if it is empty.
func (r *reply) numbers() (all []uint64) {
	for _, m := range r.list() {
		n, err := m.AsInt64()
		r.note(err)
		all = append(all, uint64(n))
	}
	return all
}

// unreadError says that an entry of the log cannot be read. The answer is still
// used: the node treats the log as one that does not reach back, so it requests the
// states.
type unreadError struct{ reason error }

func (e *unreadError) Error() string { return e.reason.Error() }

// log reads entries, all or none.
func (r *reply) log() (entries []*ledger.Entry, unread error) {
	for _, m := range r.list() {
		text, err := m.ToString()
		if err != nil {
			r.note(err)
			return nil, nil
		}
		e, err := parseEntry([]byte(text))
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// records reads the records of the outbox after a number. Of a record that cannot
// be read it returns only the number, which the keeper acknowledges.
func (r *reply) records(after uint64) (all []ledger.Record) {
	for _, m := range r.list() {
		text, err := m.ToString()
		if err != nil {
			r.note(err)
			return nil
		}
		it, err := parseRecord([]byte(text))
		if err != nil && (it.ID == 0 || after > 0) {
			it.ID = after + 1 // they have no gaps
		}
		all, after = append(all, it), it.ID
	}
	return all
}

func (r *reply) channels() (all []ledger.Totals) {
	for _, m := range r.list() {
		fields, err := m.ToArray()
		in := reply{fields: fields, birth: r.birth, err: err}
		t := ledger.Totals{Name: in.text(), Sockets: int(in.number()), Users: int(in.number())}
		ttl := in.number()
		if text := in.text(); text != "" {
			t.Cached = in.cached([]byte(text), ttl)
		}
		r.note(in.err)
		all = append(all, t)
	}
	return all
}

// cached reads a remembered event (lua/do.lua).
func (r *reply) cached(text []byte, ttl int64) *ledger.CachedEvent {
	in := reader{rest: text}
	c := &ledger.CachedEvent{Seq: in.uint64(), TTL: ttl}
	came := ledger.Place{Birth: ledger.Birth(in.uint64()), Seq: c.Seq}
	if c.Was = (ledger.Place{Birth: ledger.Birth(in.uint64()), Seq: in.uint64()}); came.Birth != r.birth {
		c.Was = came
	}
	c.Origin.Node = ledger.Node(in.uint64())
	if in.err != nil {
		r.note(in.err)
		return nil
	}
	op, err := parseOp(in.rest)
	r.note(err)
	if c.Origin.N = op.N; op.Kind == ledger.OpRecall {
		c.Origin = op.Origin
	}
	c.Payload, c.Except, c.DataFrom, c.DataTo = op.Payload, op.Except, op.DataFrom, op.DataTo
	return c
}
