package sim

import (
	"slices"

	"fanfare/cluster/ledger"
)

// marksForgotten is a ledger that takes every event for new.
func marksForgotten() *Mutation {
	return &Mutation{Handle: func(l *ledger.Ledger, run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry) {
		if do, is := r.(ledger.Do); is {
			do.Ops = slices.Clone(do.Ops)
			for i := range do.Ops {
				do.Ops[i].Once = ledger.Once{}
			}
			r = do
		}
		return l.Handle(run, fresh, now, r)
	}}
}
