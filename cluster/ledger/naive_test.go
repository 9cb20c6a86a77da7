package ledger

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// naive is a second ledger, written for plainness: it looks through everything
// and frees at once what counts no more.
type naive struct {
	run         Run
	birth       Birth
	seq, born   uint64
	before      []Place // all memories that were
	time, clock int64
	moment      int64 // what a Tick would make time
	nodes       map[Node]*naiveNode
	subjects    map[Subject]*naiveSubject
	log         []*Entry
	logTimes    []int64
	out         []*Entry
	full        bool // the Do that is carried out
	naiveHooks
	naiveHistories
}

type naiveNode struct {
	Standing
	struck int64
	full   []uint64
}

type naiveSubject struct {
	seq, event, closed uint64
	closedAt           int64
	sockets            map[Node]Fact
	members            []*naiveMember
	cached             *CachedEvent // TTL is when it ends
	came               Birth        // of the memory that cached came to
	recalled           Place        // of cached, where it was recalled from
}

type naiveMember struct {
	Member
	order   uint64
	holders map[Node]uint32
}

func newNaive() *naive {
	return &naive{nodes: map[Node]*naiveNode{}, subjects: map[Subject]*naiveSubject{}, naiveHooks: naiveHooks{told: map[naiveThing]*naiveTold{}, counts: map[Subject]*naiveCount{}}}
}

func (v *naive) Handle(run Run, fresh Birth, now int64, r Request) (Answer, []*Entry) {
	if v.birth == 0 || v.run != run {
		if v.birth != 0 {
			v.before = append(v.before, Place{v.birth, v.seq})
		}
		v.run, v.birth, v.born = run, fresh, v.seq
		for _, it := range v.subjects {
			if it.cached != nil {
				it.cached.Was = Place{it.came, it.cached.Seq}
			}
		}
		v.keeper = 0
		for _, n := range v.nodes {
			if n.Status != Struck {
				n.Status, n.Epoch = Entering, n.Epoch+1
			}
		}
	}
	v.out = nil
	v.now, v.placed = now, nil
	v.moment = v.time + max(0, min(2000, now-v.clock))
	a := Answer{Birth: v.birth, Head: v.seq}
	switch r := r.(type) {
	case Link:
		n := v.meet(r.Node)
		gone := uint64(0)
		if r.First > 0 {
			gone = r.First - 1
		}
		if r.Enter || n.Status == Struck || r.Epoch == 0 || r.Epoch != n.Epoch || n.N < gone {
			n.Status, n.Epoch, n.N = Entering, max(n.Epoch, r.Epoch)+1, max(n.N, gone)
		}
		for _, p := range r.Peers {
			if n := v.meet(p); n.Status == Struck && r.Birth != 0 && r.Birth != v.birth {
				n.Status, n.Epoch = Entering, n.Epoch+1
			}
		}
		a.Standing, a.Common, a.Born, a.Full = n.Standing, v.common(r.Birth), v.born, n.full
	case Do:
		for _, op := range r.Ops {
			n := v.nodes[r.Node]
			if a.Link = v.mustLink(r.Node, r.Epoch); a.Link {
				break
			}
			if op.N > n.N+1 {
				a.Link = true
				break
			}
			if op.N == n.N+1 {
				n.N++
				if r.Full && (op.Kind == OpEvent || op.Kind == OpRecall) {
					a.Full = append(a.Full, op.N)
					continue
				}
				v.full = r.Full
				v.apply(n, op)
			}
		}
		if a.Full != nil {
			v.nodes[r.Node].full = a.Full
		}
		a.Link = a.Link || v.nodes[r.Node] == nil || len(r.Ops) == 0 && v.mustLink(r.Node, r.Epoch)
		a.Standing, a.Placed = v.standing(r.Node), v.placed
	case Poll:
		a.Link, a.Standing, a.Nodes = v.mustLink(r.Node, r.Epoch), v.standing(r.Node), v.standings()
	case Strike:
		if n := v.nodes[r.Node]; n != nil && n.Epoch <= r.Epoch {
			v.strike(n)
		}
		a.Standing = v.standing(r.Node)
	case Tick:
		v.ticked = v.seq
		v.time, v.clock = v.moment, now
		for len(v.log) > 0 && v.time-v.logTimes[0] > 15_000 {
			v.log, v.logTimes = v.log[1:], v.logTimes[1:]
		}
		for id, n := range v.nodes {
			if n.Status == Struck && v.time-n.struck >= 24*3600*1000 {
				delete(v.nodes, id)
			}
		}
		v.clean()
		v.tellDue(r.Grace.Milliseconds())
		a.Nodes = v.standings()
		a.Boxed, a.Lost = len(v.box), v.lost
	case Collect:
		a.Term, a.Box = v.collect(r)
		a.Boxed, a.Lost = len(v.box), v.lost
	case GetState:
		a.State = v.state(r.Subject)
		a.State.History = v.newest(r.Subject)
	case GetHistory:
		a.History = v.page(r)
	case GetLog:
		a.Missing = r.After > v.seq || r.After < v.seq-uint64(len(v.log))
		for _, e := range v.log {
			if !a.Missing && e.Seq > r.After && len(a.Log) < r.Most {
				a.Log = append(a.Log, e)
			}
		}
	case List:
		for s, it := range v.subjects {
			if s.Kind == Channel && s.App == r.App && strings.HasPrefix(s.Name, r.Prefix) && len(it.sockets) > 0 {
				a.Channels = append(a.Channels, v.totals(s))
			}
		}
		slices.SortFunc(a.Channels, func(a, b Totals) int { return strings.Compare(a.Name, b.Name) })
	case Describe:
		a.Channels = []Totals{v.totals(r.Subject)}
		if it := v.subjects[r.Subject]; it != nil {
			for _, m := range it.members {
				a.Members = append(a.Members, m.User)
			}
		}
	}
	v.clean()
	return a, v.out
}

// common looks among the last 16 memories.
func (v *naive) common(b Birth) (seq uint64) {
	if b == v.birth {
		return v.seq
	}
	for i, it := range v.before {
		if it.Birth == b && i >= len(v.before)-16 {
			seq = it.Seq
		}
	}
	return seq
}

func (v *naive) meet(id Node) *naiveNode {
	if v.nodes[id] == nil {
		v.nodes[id] = &naiveNode{Standing: Standing{Node: id, Status: Entering}}
	}
	return v.nodes[id]
}

func (v *naive) mustLink(id Node, epoch uint32) bool {
	n := v.nodes[id]
	return n == nil || n.Status == Struck || n.Epoch != epoch || epoch == 0
}

func (v *naive) standing(id Node) Standing {
	if n := v.nodes[id]; n != nil {
		return n.Standing
	}
	return Standing{Node: id}
}

func (v *naive) standings() []Standing {
	all := []Standing{}
	for _, n := range v.nodes {
		all = append(all, n.Standing)
	}
	slices.SortFunc(all, func(a, b Standing) int { return cmp.Compare(a.Node, b.Node) })
	return all
}

func (v *naive) append(e Entry) *Entry {
	v.seq++
	e.Seq, e.Birth = v.seq, v.birth
	if it := v.subjects[e.Op.Subject]; it != nil {
		e.Prev, it.seq = it.seq, e.Seq
	}
	v.out, v.log, v.logTimes = append(v.out, &e), append(v.log, &e), append(v.logTimes, v.time)
	return &e
}

func (v *naive) apply(n *naiveNode, op Op) {
	e := Entry{Node: n.Node, Epoch: n.Epoch, Op: op}
	it := v.subjects[op.Subject]
	if it == nil {
		it = &naiveSubject{sockets: map[Node]Fact{}}
	}
	if op.Kind == OpHold || op.Kind == OpClose || op.Kind == OpEvent && op.Remember > 0 {
		v.subjects[op.Subject] = it
	}
	switch op.Kind {
	case OpHold:
		e.Kind = EntryHeld
		e.Refused, e.Short = v.hold(n, it, op)
		v.append(e)
		v.tellHeld(it, op)
	case OpEvent:
		e.Kind = EntryEvent
		it.event = v.append(e).Seq
		if op.Hooks&HookEvents != 0 {
			v.put(Record{Kind: RecordEvent, Subject: op.Subject, Payload: op.Payload, Socket: op.Except}, op.Size())
		}
		if op.Remember > 0 {
			ends := v.moment + int64(op.Remember/time.Millisecond)
			it.came, it.recalled = v.birth, Place{}
			it.cached = &CachedEvent{
				Seq: v.seq, Origin: Origin{n.Node, op.N}, Payload: op.Payload, Except: op.Except,
				DataFrom: op.DataFrom, DataTo: op.DataTo, TTL: ends,
			}
		}
		if op.Keep.Events > 0 {
			v.keep(op)
		}
	case OpRecall:
		if v.common(op.Was.Birth) >= op.Was.Seq {
			break
		}
		if p := it.recalled; v.cachedOf(it) != nil && (p.Birth == op.Was.Birth && p.Seq >= op.Was.Seq || p.Birth != op.Was.Birth && it.came == v.birth) {
			break
		}
		v.subjects[op.Subject], it.came, it.recalled = it, v.birth, op.Was
		e.Kind = EntryRecalled
		it.cached = &CachedEvent{
			Seq: v.append(e).Seq, Was: op.Was, Origin: op.Origin, Payload: op.Payload, Except: op.Except,
			DataFrom: op.DataFrom, DataTo: op.DataTo, TTL: v.moment + max(1, int64(op.Remember/time.Millisecond)),
		}
	case OpClose:
		e.Kind = EntryClosed
		it.closed, it.closedAt = v.append(e).Seq, v.time
	case OpClear:
		e.Kind = EntryCleared
		v.clear(op.Subject, v.append(e).Seq)
	case OpDone:
		if n.Status == Entering {
			n.Status = Open
			v.append(Entry{Kind: EntryEntered, Node: n.Node, Epoch: n.Epoch})
			v.drop(n.Node, n.Epoch)
		}
	case OpBye:
		v.strike(n)
	}
	v.clean()
}

func (v *naive) hold(n *naiveNode, it *naiveSubject, op Op) (refused []string, short int) {
	had := it.sockets[n.Node].Sockets
	delete(it.sockets, n.Node)
	others := 0
	for _, f := range it.sockets {
		others += f.Sockets
	}
	for op.Subject.Kind == App && op.Most > 0 && !op.Exempt && op.Sockets > had && others+op.Sockets > op.Most {
		op.Sockets--
		short++
	}
	if op.Sockets > 0 {
		it.sockets[n.Node] = Fact{n.Node, n.Epoch, op.Sockets}
	}
	for _, m := range it.members {
		if slices.Contains(op.Off, m.User) {
			delete(m.holders, n.Node)
		}
	}
	it.members = slices.DeleteFunc(it.members, func(m *naiveMember) bool { return len(m.holders) == 0 })
	for _, on := range op.On {
		at := slices.IndexFunc(it.members, func(m *naiveMember) bool { return m.User == on.User })
		if at < 0 {
			if !op.Exempt && (v.full || op.Most > 0 && len(it.members) >= op.Most) {
				refused = append(refused, on.User)
				continue
			}
			at = len(it.members)
			it.members = append(it.members, &naiveMember{on, v.seq + 1, map[Node]uint32{}})
		}
		it.members[at].holders[n.Node] = n.Epoch
	}
	return refused, short
}

func (v *naive) strike(n *naiveNode) {
	if n.Status != Struck {
		n.Status, n.struck = Struck, v.time
		v.append(Entry{Kind: EntryStruck, Node: n.Node, Epoch: n.Epoch})
		v.drop(n.Node, n.Epoch+1)
	}
}

// drop takes away what a node said before an epoch.
func (v *naive) drop(id Node, before uint32) {
	for s, it := range v.subjects {
		if f, ok := it.sockets[id]; ok && f.Epoch < before {
			delete(it.sockets, id)
			v.look(naiveThing{s, HookChannel, ""}, len(it.sockets) > 0, false, false, 2*v.ticked+1)
			v.lookCount(s, it, false)
		}
		for _, m := range it.members {
			if e, ok := m.holders[id]; ok && e < before {
				delete(m.holders, id)
				v.look(naiveThing{s, HookMembers, m.User}, len(m.holders) > 0, false, false, 2*v.ticked+1)
			}
		}
		it.members = slices.DeleteFunc(it.members, func(m *naiveMember) bool { return len(m.holders) == 0 })
	}
}

// clean takes away what is past its time, and subjects that say nothing.
func (v *naive) clean() {
	v.cleanHistories()
	for s, it := range v.subjects {
		if it.cached != nil && it.cached.TTL <= v.time {
			it.cached = nil
		}
		if it.closed != 0 && v.time-it.closedAt >= 3600*1000 {
			it.closed = 0
		}
		if len(it.sockets) == 0 && len(it.members) == 0 && it.cached == nil && it.closed == 0 {
			delete(v.subjects, s)
		}
	}
}

func (v *naive) cachedOf(it *naiveSubject) *CachedEvent {
	if it.cached == nil {
		return nil
	}
	c := *it.cached
	if c.TTL -= v.moment; c.TTL <= 0 {
		return nil
	}
	return &c
}

func (v *naive) totals(s Subject) Totals {
	t := Totals{Name: s.Name}
	if it := v.subjects[s]; it != nil {
		for _, f := range it.sockets {
			t.Sockets += f.Sockets
		}
		t.Users, t.Cached = len(it.members), v.cachedOf(it)
	}
	return t
}

func (v *naive) state(s Subject) *State {
	state := &State{Subject: s, Birth: v.birth, Nodes: v.standings()}
	it := v.subjects[s]
	if it == nil {
		return state
	}
	state.Seq, state.Event, state.Closed, state.Cached = it.seq, it.event, it.closed, v.cachedOf(it)
	for _, f := range it.sockets {
		state.Facts = append(state.Facts, f)
	}
	slices.SortFunc(state.Facts, func(a, b Fact) int { return cmp.Compare(a.Node, b.Node) })
	for _, m := range it.members {
		sm := StateMember{Member: m.Member, Order: m.order}
		for id, epoch := range m.holders {
			sm.Holders = append(sm.Holders, Holder{id, epoch})
		}
		slices.SortFunc(sm.Holders, func(a, b Holder) int { return cmp.Compare(a.Node, b.Node) })
		state.Members = append(state.Members, sm)
	}
	return state
}
