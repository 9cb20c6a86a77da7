package ledger

import "slices"

// naiveHistories keep all events in one list.
type naiveHistories struct {
	now       int64
	placed    []Placement
	kept      []naiveKept
	dropped   map[Subject]uint64 // of those that have a history
	cleared   map[Subject]naiveClear
	forgotten map[uint16]uint64
}

type naiveClear struct {
	seq   uint64
	until int64
}

type naiveKept struct {
	Kept // TTL is when it ends
	on   Subject
	size int
}

func (v *naive) begin(s Subject) {
	if v.dropped == nil {
		v.dropped, v.cleared, v.forgotten = map[Subject]uint64{}, map[Subject]naiveClear{}, map[uint16]uint64{}
	}
	if _, has := v.dropped[s]; !has {
		v.dropped[s] = v.forgotten[bucketOf(s)]
	}
}

func (v *naive) keep(op Op) {
	v.begin(op.Subject)
	v.placed = append(v.placed, Placement{op.N, v.seq})
	v.kept = append(v.kept, naiveKept{
		Kept{Seq: v.seq, Time: v.now, TTL: v.moment + max(1, op.Keep.TTL.Milliseconds()), Payload: op.Payload, Except: op.Except, Client: op.Client}, op.Subject, op.Size(),
	})
	of := func(it naiveKept) bool { return it.on == op.Subject }
	for len(slices.DeleteFunc(slices.Clone(v.kept), func(it naiveKept) bool { return !of(it) })) > op.Keep.Events {
		v.dropFirst(of)
	}
	for op.Keep.Bytes > 0 {
		v.cleanHistories()
		sum, n := 0, 0
		for _, it := range v.kept {
			if it.on.App == op.Subject.App {
				sum += it.size
				n++
			}
		}
		if sum <= op.Keep.Bytes || n == 1 {
			break
		}
		v.dropFirst(func(it naiveKept) bool { return it.on.App == op.Subject.App })
	}
}

func (v *naive) dropFirst(is func(naiveKept) bool) {
	at := slices.IndexFunc(v.kept, is)
	v.dropped[v.kept[at].on] = v.kept[at].Seq
	v.kept = slices.Delete(v.kept, at, at+1)
}

func (v *naive) clear(s Subject, seq uint64) {
	v.begin(s)
	v.kept = slices.DeleteFunc(v.kept, func(it naiveKept) bool { return it.on == s })
	v.dropped[s], v.cleared[s] = seq, naiveClear{seq, v.time + 3600*1000}
}

// past is how many of a subject's events, which come first, are past their time.
func (v *naive) past(s Subject, time int64) (n int, all []naiveKept) {
	for _, it := range v.kept {
		if it.on == s {
			all = append(all, it)
		}
	}
	for n < len(all) && all[n].TTL <= time {
		n++
	}
	return n, all
}

func (v *naive) cleanHistories() {
	for s := range v.dropped {
		n, all := v.past(s, v.time)
		for range n {
			v.dropFirst(func(it naiveKept) bool { return it.on == s })
		}
		if n == len(all) && v.cleared[s].until <= v.time {
			v.forgotten[bucketOf(s)] = max(v.forgotten[bucketOf(s)], v.dropped[s])
			delete(v.dropped, s)
			delete(v.cleared, s)
		}
	}
}

func (v *naive) page(r GetHistory) (p History) {
	if _, has := v.dropped[r.Subject]; !has {
		return History{Dropped: v.forgotten[bucketOf(r.Subject)]}
	}
	p.Dropped = v.dropped[r.Subject]
	if c := v.cleared[r.Subject]; c.until > v.moment {
		p.Cleared = c.seq
	}
	n, all := v.past(r.Subject, v.moment)
	if n > 0 {
		p.Dropped = all[n-1].Seq
	}
	all = slices.DeleteFunc(all[n:], func(it naiveKept) bool { return it.Seq <= r.After || r.Before != 0 && it.Seq >= r.Before })
	if r.Backward {
		slices.Reverse(all)
	}
	for _, it := range all {
		if len(p.Events) == r.Most {
			p.More = true
			break
		}
		it.Kept.TTL -= v.moment
		p.Events = append(p.Events, it.Kept)
	}
	return p
}

func (v *naive) newest(s Subject) History {
	p := v.page(GetHistory{Subject: s, Backward: true, Most: 1000})
	slices.Reverse(p.Events)
	return p
}
