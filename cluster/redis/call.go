package redis

import (
	"encoding/binary"
	"math"
	"strconv"

	"fanfare/cluster/ledger"
)

// call is a script with its keys and arguments.
type call struct {
	script *script
	keys   []string
	args   []string
}

// caller makes the calls of one partition's scripts.
type caller struct {
	names
	scripts *scripts
	run     string // of the server
	sharded bool   // the server is part of a Redis Cluster
	budget  string // bytes of the log
}

// call turns a request into a call. Fresh is the birth to take if a new one is
// needed.
func (c *caller) call(r ledger.Request, fresh ledger.Birth) call {
	it := c.make(r, fresh)
	if c.sharded {
		// While a slot moves, a script that declares a missing key is refused
		// before it begins. So it never finds only a part of the keys.
		it.keys = append(it.keys, c.none())
	}
	return it
}

func (c *caller) make(r ledger.Request, fresh ledger.Birth) call {
	args := append(make([]string, 0, 16), c.run, nodeText(ledger.Node(fresh)), c.feed, c.budget)
	switch r := r.(type) {
	case ledger.Do:
		return c.do(r, args)
	case ledger.Link:
		args = append(args, nodeText(r.Node), number(uint64(r.Epoch)), number(max(r.First, 1)-1), flag(r.Enter), nodeText(ledger.Node(r.Birth)))
		for _, peer := range r.Peers {
			args = append(args, nodeText(peer))
		}
		return call{&c.scripts.link, c.keys(), args}
	case ledger.Claim:
		return c.claim(r, args)
	case ledger.GetState:
		return call{&c.scripts.state, c.keys(c.subject(r.Subject), c.history(r.Subject)), append(args, r.Subject.String())}
	case ledger.GetHistory:
		return call{&c.scripts.read, c.keys(c.history(r.Subject)), append(args, r.Subject.String(), number(r.After), number(r.Before), flag(r.Backward), strconv.Itoa(r.Most))}
	case ledger.Describe:
		return call{&c.scripts.state, c.keys(c.subject(r.Subject)), append(args, r.Subject.String())}
	case ledger.GetLog:
		return call{&c.scripts.log, c.keys(), append(args, number(r.After), strconv.Itoa(r.Most))}
	case ledger.Poll:
		return call{&c.scripts.poll, c.keys(), append(args, nodeText(r.Node), number(uint64(r.Epoch)))}
	case ledger.Strike:
		return call{&c.scripts.strike, c.keys(), append(args, nodeText(r.Node), number(uint64(r.Epoch)))}
	case ledger.Tick:
		return call{&c.scripts.tick, c.keys(), append(args, strconv.FormatInt(r.Grace.Milliseconds(), 10))}
	case ledger.Collect:
		return call{&c.scripts.collect, c.keys(), append(args, nodeText(r.Node), nodeText(ledger.Node(r.Birth)), number(r.Term), number(r.Have), number(r.Ack), strconv.Itoa(r.Most))}
	case ledger.List:
		return call{&c.scripts.list, c.keys(c.occupied(r.App)), append(args, r.App, r.Prefix)}
	}
	panic("unknown request")
}

func (c *caller) do(r ledger.Do, args []string) call {
	s := &c.scripts.do
	if r.Full {
		s = &c.scripts.doFull
	}
	keys := c.keys(c.index(r.Node))
	args = append(args, flag(r.Full), nodeText(r.Node), number(uint64(r.Epoch)))
	var numbers, text []byte
	for i := range r.Ops {
		op := &r.Ops[i]
		numbers = appendNumbers(numbers[:0], op)
		text = appendOp(text[:0], op)
		subject := ""
		if op.Subject.Kind != 0 {
			subject = op.Subject.String()
			keys = append(keys, c.subject(op.Subject))
			if op.Keep.Events > 0 || op.Kind == ledger.OpClear {
				keys = append(keys, c.history(op.Subject))
			}
		}
		if op.Once.Mark != (ledger.Mark{}) {
			numbers, keys = appendOnce(numbers, op.Once), append(keys, c.marks(op.Subject.App))
		}
		args = append(args, string(numbers), subject, string(text))
		if op.Kind != ledger.OpHold {
			continue
		}
		args = append(args, op.Off...)
		for j := range op.On {
			args = append(args, op.On[j].User, infoText(op.On[j].Info))
		}
	}
	return call{s, keys, args}
}

// appendNumbers writes what do.lua needs of an op: kind, n, size, sockets,
// limit, whether it is exempt, ms to remember, number of users off and on, the
// place that a recalled event had, hooks, whether it is known, and how it is kept.
func appendNumbers(b []byte, op *ledger.Op) []byte {
	b = append(b, byte(op.Kind))
	b = binary.BigEndian.AppendUint64(b, op.N)
	b = binary.BigEndian.AppendUint32(b, uint32(op.Size()))
	hold := op.Kind == ledger.OpHold
	b = binary.BigEndian.AppendUint32(b, clamp(hold, op.Sockets))
	b = binary.BigEndian.AppendUint32(b, clamp(hold, op.Most))
	b = appendFlag(b, hold && op.Exempt)
	b = binary.BigEndian.AppendUint64(b, milliseconds(op))
	b = binary.BigEndian.AppendUint32(b, clamp(hold, len(op.Off)))
	b = binary.BigEndian.AppendUint32(b, clamp(hold, len(op.On)))
	b = binary.BigEndian.AppendUint64(b, uint64(op.Was.Birth))
	b = binary.BigEndian.AppendUint64(b, op.Was.Seq)
	return appendKeep(appendFlag(append(b, byte(op.Hooks)), hold && op.Known), op)
}

// milliseconds returns how long an event is cached, 0 if it is not.
func milliseconds(op *ledger.Op) uint64 {
	if op.Kind != ledger.OpRecall && (op.Kind != ledger.OpEvent || op.Remember <= 0) {
		return 0
	}
	return uint64(max(op.Remember.Milliseconds(), 1))
}

func clamp(used bool, n int) uint32 {
	if !used {
		return 0
	}
	return uint32(min(max(n, 0), math.MaxInt32))
}

// infoText encodes an info: byte 1 and the text, or byte 0 for none.
func infoText(info []byte) string {
	if info == nil {
		return "\x00"
	}
	return "\x01" + string(info)
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}
