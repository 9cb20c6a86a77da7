package redis

import (
	"encoding/binary"
	"strconv"
	"time"

	"fanfare/cluster/ledger"
)

// claim asks for an idempotency key.
func (c *caller) claim(r ledger.Claim, args []string) call {
	s := &c.scripts.key
	if r.Full {
		s = &c.scripts.keyFull
	}
	args = append(args, flag(r.Full), r.App, string(r.Key[:]), string(r.With[:]), strconv.FormatInt(atLeastOne(r.For), 10))
	return call{s, c.keys(c.marks(r.App)), args}
}

// appendOnce writes what do.lua needs of an event that must not be published twice,
// after the numbers that all ops have: ms and mark.
func appendOnce(b []byte, o ledger.Once) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(atLeastOne(o.For)))
	return append(b, o.Mark[:]...)
}

func atLeastOne(d time.Duration) int64 { return max(d.Milliseconds(), 1) }
