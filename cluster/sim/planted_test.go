package sim

import (
	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// applyAgain gives every op that arrives the number that the ledger waits for.
func applyAgain() *Mutation {
	return &Mutation{Handle: func(l *ledger.Ledger, run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry) {
		do, is := r.(ledger.Do)
		if !is {
			return l.Handle(run, fresh, now, r)
		}
		a, _ := l.Handle(run, fresh, now, ledger.Poll{Node: do.Node, Epoch: do.Epoch})
		if a.Link || len(do.Ops) == 0 || do.Ops[0].N > a.Standing.N {
			return l.Handle(run, fresh, now, r)
		}
		last := do.Ops[len(do.Ops)-1].N
		for i := range do.Ops {
			do.Ops[i].N = a.Standing.N + uint64(i) + 1
		}
		a, entries := l.Handle(run, fresh, now, do)
		a.Standing.N = last
		return a, entries
	}}
}

func pushed(change func(node ledger.Node, e *ledger.Entry)) func(ledger.Node, *ledger.Entry) *ledger.Entry {
	return func(node ledger.Node, e *ledger.Entry) *ledger.Entry {
		c := *e
		change(node, &c)
		return &c
	}
}

// stated changes the states that nodes are answered.
func stated(change func(node ledger.Node, s *ledger.State)) func(ledger.Node, ledger.Request, ledger.Answer) ledger.Answer {
	return func(node ledger.Node, _ ledger.Request, a ledger.Answer) ledger.Answer {
		if a.State != nil {
			s := *a.State
			s.Nodes = append([]ledger.Standing(nil), s.Nodes...)
			s.Facts = append([]ledger.Fact(nil), s.Facts...)
			s.Members = append([]ledger.StateMember(nil), s.Members...)
			for i := range s.Members {
				s.Members[i].Holders = append([]ledger.Holder(nil), s.Members[i].Holders...)
			}
			change(node, &s)
			a.State = &s
		}
		return a
	}
}

// setEpochs gives the facts of other nodes in a state another epoch.
func setEpochs(own ledger.Node, s *ledger.State, epoch func(ledger.Node) uint32) {
	for i := range s.Facts {
		if f := &s.Facts[i]; f.Node != own {
			f.Epoch = epoch(f.Node)
		}
	}
	for i := range s.Members {
		for j := range s.Members[i].Holders {
			if h := &s.Members[i].Holders[j]; h.Node != own {
				h.Epoch = epoch(h.Node)
			}
		}
	}
}

func oneEpoch() *Mutation {
	one := func(ledger.Node) uint32 { return 1 }
	return &Mutation{
		Push: pushed(func(node ledger.Node, e *ledger.Entry) {
			if e.Node != node {
				e.Epoch = 1
			}
		}),
		Answer: stated(func(node ledger.Node, s *ledger.State) {
			setEpochs(node, s, one)
			for i := range s.Nodes {
				if s.Nodes[i].Node != node {
					s.Nodes[i].Epoch = 1
				}
			}
		}),
	}
}

func dropKept() *Mutation {
	return &Mutation{Answer: func(_ ledger.Node, r ledger.Request, a ledger.Answer) ledger.Answer {
		if _, is := r.(ledger.Link); is {
			a.Standing.N += 3
		}
		return a
	}}
}

func allCommon() *Mutation {
	return &Mutation{Answer: func(_ ledger.Node, r ledger.Request, a ledger.Answer) ledger.Answer {
		if _, is := r.(ledger.Link); is {
			a.Common = 1 << 62
		}
		return a
	}}
}

// request changes what the ledger is asked.
func requested(change func(ledger.Request) ledger.Request) *Mutation {
	return &Mutation{Handle: func(l *ledger.Ledger, run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry) {
		return l.Handle(run, fresh, now, change(r))
	}}
}

func noPeers() *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if link, is := r.(ledger.Link); is {
			link.Peers = nil
			return link
		}
		return r
	})
}

func strikeAnyEpoch() *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if strike, is := r.(ledger.Strike); is {
			strike.Epoch = ^uint32(0)
			return strike
		}
		return r
	})
}

func noRecalls() *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if do, is := r.(ledger.Do); is {
			for i := range do.Ops {
				if do.Ops[i].Kind == ledger.OpRecall {
					do.Ops[i].Kind = 0
				}
			}
		}
		return r
	})
}

func noneExempt() *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if do, is := r.(ledger.Do); is {
			for i := range do.Ops {
				do.Ops[i].Exempt = false
			}
		}
		return r
	})
}

func backwards() *Mutation {
	return requested(func(r ledger.Request) ledger.Request {
		if do, is := r.(ledger.Do); is {
			for i, j := 0, len(do.Ops)-1; i < j; i, j = i+1, j-1 {
				a, b := &do.Ops[i], &do.Ops[j]
				if a.Kind == ledger.OpEvent && b.Kind == ledger.OpEvent && a.Subject == b.Subject {
					*a, *b = *b, *a
					a.N, b.N = b.N, a.N
				}
			}
		}
		return r
	})
}

func seenNothing() *Mutation {
	return &Mutation{
		Push: pushed(func(node ledger.Node, e *ledger.Entry) {
			if e.Node != node && e.Op.N > 0 {
				e.Op.N = 1<<40 + e.Seq
			}
		}),
		Answer: stated(func(node ledger.Node, s *ledger.State) {
			for i := range s.Nodes {
				if s.Nodes[i].Node != node {
					s.Nodes[i].N = 1 << 62
				}
			}
		}),
	}
}

func neverBehind() *Mutation {
	return &Mutation{Answer: stated(func(node ledger.Node, s *ledger.State) {
		for i := range s.Nodes {
			if s.Nodes[i].Node != node {
				s.Nodes[i].N, s.Nodes[i].Status = 1<<62, max(s.Nodes[i].Status, ledger.Open)
			}
		}
	})}
}

func standing(from, to ledger.Status) *Mutation {
	return &Mutation{Answer: stated(func(node ledger.Node, s *ledger.State) {
		for i := range s.Nodes {
			if s.Nodes[i].Node != node && s.Nodes[i].Status == from {
				s.Nodes[i].Status = to
				if to == ledger.Open {
					s.Nodes[i].N = 1 << 62
				}
			}
		}
	})}
}

func enteringIsOpen() *Mutation { return standing(ledger.Entering, ledger.Open) }

func struckIsEntering() *Mutation { return standing(ledger.Struck, ledger.Entering) }

func ghostsAreNew() *Mutation {
	return &Mutation{Answer: stated(func(node ledger.Node, s *ledger.State) {
		setEpochs(node, s, func(n ledger.Node) uint32 {
			for _, it := range s.Nodes {
				if it.Node == n {
					return it.Epoch
				}
			}
			return 0
		})
	})}
}

func noCloseMarks() *Mutation {
	return &Mutation{Answer: stated(func(_ ledger.Node, s *ledger.State) { s.Closed = 0 })}
}

func headAfter() *Mutation {
	return &Mutation{Handle: func(l *ledger.Ledger, run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry) {
		a, entries := l.Handle(run, fresh, now, r)
		if n := len(entries); n > 0 {
			a.Head = entries[n-1].Seq
		}
		return a, entries
	}}
}

func logTooShort() *Mutation {
	return &Mutation{Answer: func(_ ledger.Node, _ ledger.Request, a ledger.Answer) ledger.Answer {
		if a.Log != nil {
			a.Log, a.Missing = nil, true
		}
		return a
	}}
}

func logLongEnough() *Mutation {
	return &Mutation{Answer: func(_ ledger.Node, _ ledger.Request, a ledger.Answer) ledger.Answer {
		a.Missing = false
		return a
	}}
}

func oneRun() *Mutation {
	return &Mutation{Handle: func(l *ledger.Ledger, _ ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry) {
		return l.Handle("always the same", fresh, now, r)
	}}
}

func withoutPush(kind ledger.EntryKind) *Mutation {
	return &Mutation{Push: func(node ledger.Node, e *ledger.Entry) *ledger.Entry {
		if e.Kind == kind && e.Node != node {
			return nil
		}
		return e
	}}
}

func noRefusals() *Mutation {
	return &Mutation{Push: pushed(func(_ ledger.Node, e *ledger.Entry) { e.Refused = nil })}
}

func configured(change func(*cluster.Config)) *Mutation {
	return &Mutation{Config: func(c cluster.Config) cluster.Config {
		change(&c)
		return c
	}}
}

// unclamped has the ledger's time follow the clock, step by step.
func unclamped() *Mutation {
	last := map[*ledger.Ledger]int64{}
	return &Mutation{Handle: func(l *ledger.Ledger, run ledger.Run, fresh ledger.Birth, now int64, r ledger.Request) (ledger.Answer, []*ledger.Entry) {
		if _, tick := r.(ledger.Tick); tick {
			before := last[l]
			last[l] = now
			for t := before; before > 0 && t < now; t += 2000 {
				l.Handle(run, fresh, t, r)
			}
		}
		return l.Handle(run, fresh, now, r)
	}}
}
