package sim

import "fanfare/cluster/ledger"

func nothingDropped() *Mutation {
	return &Mutation{Answer: func(_ ledger.Node, _ ledger.Request, a ledger.Answer) ledger.Answer {
		if a.State != nil {
			st := *a.State
			st.History.Dropped, st.History.Cleared = 0, 0
			a.State = &st
		}
		return a
	}}
}

func lastUnkept() *Mutation {
	return &Mutation{Answer: func(_ ledger.Node, _ ledger.Request, a ledger.Answer) ledger.Answer {
		if a.State != nil && len(a.State.History.Events) > 0 {
			st := *a.State
			st.History.Events = st.History.Events[:len(st.History.Events)-1]
			a.State = &st
		}
		return a
	}}
}

func misplaced() *Mutation {
	return &Mutation{Answer: func(_ ledger.Node, _ ledger.Request, a ledger.Answer) ledger.Answer {
		if len(a.Placed) > 0 {
			a.Placed = []ledger.Placement{{N: a.Placed[0].N, Seq: a.Placed[0].Seq + 1}}
		}
		return a
	}}
}
