package cluster

import (
	"bytes"
	"cmp"
	"container/list"
	"hash/fnv"
	"slices"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// keptBytes is the memory of an event of a history in addition to its frame.
const keptBytes = 136

// history is the part of a channel's history that the node has: the newest events,
// without a hole. Its partition's lock is held whenever it is used.
type history struct {
	ready            bool   // it matches the ledger's, as of the subject's replica
	epoch            uint64 // epoch of its serials
	dropped, cleared uint64 // as in ledger.History
	events           []*keptEvent
	timed            bool // a timer will drop the first event
}

// keptEvent is an event of a history.
type keptEvent struct {
	subject *subject
	seq     uint64
	frame   *channels.Frame // with its serial
	except  pusherproto.SocketID
	expires time.Time
	place   *list.Element // in the partition's list for the app
}

// outdateEvery is the maximum time between two checks of a history's first event.
const outdateEvery = 30 * time.Second

func (e *keptEvent) bytes() int { return e.frame.Size() + keptBytes }

// Reasons why this node drops an event of a history.
const (
	dropEvents = iota
	dropTTL
	dropBytes
	dropCleared
	drops
)

var dropReasons = [drops]string{dropEvents: "events", dropTTL: "ttl", dropBytes: "bytes", dropCleared: "cleared"}

// Dropped returns how many events of the app's histories this node has dropped, of
// the channels that it watches.
func (p *Peer) Dropped(appID string) (all []channels.DropStats) {
	found, ok := p.apps.Load(appID)
	if !ok {
		return nil
	}
	for why, reason := range dropReasons {
		if n := found.(*app).dropped[why].Load(); n > 0 {
			all = append(all, channels.DropStats{Reason: reason, Events: n})
		}
	}
	return all
}

// HistoryEpoch returns the epoch of a channel's serials in a memory: serials of one
// channel are not valid on another.
func HistoryEpoch(b ledger.Birth, s ledger.Subject) uint64 {
	h := fnv.New64a()
	var text [8]byte
	for i := range text {
		text[i] = byte(b >> (8 * i))
	}
	_, _ = h.Write(text[:])
	_, _ = h.Write([]byte(s.String()))
	return max(h.Sum64(), 1)
}

// withSerial returns a message with its serial, as subscribers receive it.
func withSerial(payload []byte, serial pusherproto.Serial) *channels.Frame {
	buf := append(make([]byte, 0, len(payload)+pusherproto.SerialMember), payload...)
	return channels.NewFrame(pusherproto.AppendSerialMember(buf, serial))
}

// withoutSerial returns a copy of the message as it was before withSerial.
func withoutSerial(message []byte) []byte {
	i := bytes.LastIndex(message, []byte(`,"serial":"`))
	return append(bytes.Clone(message[:i]), '}')
}

// serial returns the serial of an event of the present memory.
func (s *subject) serial(seq uint64) pusherproto.Serial {
	if s.history.epoch == 0 {
		s.history.epoch = HistoryEpoch(s.q.feeds.birth, s.name)
	}
	return pusherproto.Serial{Epoch: s.history.epoch, Offset: seq}
}

// frameOf returns the frame that subscribers receive for an event.
func (s *subject) frameOf(e *ledger.Entry) *channels.Frame {
	if e.Op.Keep.Events <= 0 {
		return channels.NewFrame(e.Op.Payload)
	}
	return withSerial(e.Op.Payload, s.serial(e.Seq))
}

// keep adds the event of an entry, with its frame, and drops what the ledger drops.
func (s *subject) keep(e *ledger.Entry, f *channels.Frame) {
	k := &e.Op.Keep
	if k.Events <= 0 || !s.history.ready {
		return
	}
	s.addKept(&keptEvent{subject: s, seq: e.Seq, frame: f, except: e.Op.Except, expires: s.q.peer.cfg.Now().Add(k.TTL)})
	for len(s.history.events) > k.Events {
		s.dropKept()
		s.app.dropped[dropEvents].Add(1)
	}
	s.boundKept()
	s.outdate()
}

// addKept adds the newest event.
func (s *subject) addKept(e *keptEvent) {
	s.history.events = append(s.history.events, e)
	s.app.account.Hold(account.History, e.bytes())
	all := s.q.kept[s.app]
	if all == nil {
		all = list.New()
		s.q.kept[s.app] = all
	}
	e.place = all.PushBack(e)
}

// dropKept drops the oldest event.
func (s *subject) dropKept() {
	e := s.history.events[0]
	s.history.events[0] = nil
	s.history.events = s.history.events[1:]
	s.history.dropped = max(s.history.dropped, e.seq)
	s.app.account.Release(account.History, e.bytes())
	if all := s.q.kept[s.app]; all != nil {
		if all.Remove(e.place); all.Len() == 0 {
			delete(s.q.kept, s.app)
		}
	}
	if len(s.history.events) == 0 {
		s.history.events = nil
	}
}

// boundKept keeps the app's events within their bytes: it drops the oldest ones of
// the partition.
func (s *subject) boundKept() {
	most := int64(s.app.latest.Load().Limits.MaxHistoryBytes)
	for all := s.q.kept[s.app]; all != nil && all.Len() > 1 && s.app.account.KeptFull(account.History, most); {
		all.Front().Value.(*keptEvent).subject.dropKept()
		s.app.dropped[dropBytes].Add(1)
	}
}

// outdate drops expired events. An event is not dropped before those ahead of it.
func (s *subject) outdate() {
	h := &s.history
	now := s.q.peer.cfg.Now()
	for len(h.events) > 0 && !now.Before(h.events[0].expires) {
		s.dropKept()
		s.app.dropped[dropTTL].Add(1)
	}
	if h.timed || len(h.events) == 0 {
		return
	}
	h.timed = true
	next := h.events[0].expires
	if soon := now.Add(outdateEvery); soon.Before(next) { // a timer outlives the subject
		next = soon
	}
	s.q.timers.at(next, func(time.Time) {
		h.timed = false
		s.outdate()
	})
}

// forgetHistory drops all events: the next ones belong to another history.
func (s *subject) forgetHistory() {
	for len(s.history.events) > 0 {
		s.dropKept()
	}
	s.history = history{timed: s.history.timed}
}

// lostHistory is called when the ledger has another memory. The cached event has a
// serial of the previous one.
func (s *subject) lostHistory() {
	s.forgetHistory()
	if c := s.cached; c != nil && c.serial {
		f := channels.NewFrame(c.plain())
		s.app.account.Resize(account.Cache, f.Size()-c.frame.Size())
		c.frame, c.serial = f, false
	}
}

// clearHistory is called when the ledger has emptied the history.
func (s *subject) clearHistory(e *ledger.Entry) {
	s.app.dropped[dropCleared].Add(uint64(len(s.history.events)))
	for len(s.history.events) > 0 {
		s.dropKept()
	}
	s.history.dropped, s.history.cleared = e.Seq, e.Seq
}

// learnHistory takes the history of a state.
func (s *subject) learnHistory(st *ledger.State) {
	s.forgetHistory()
	if s.name.Kind != ledger.Channel {
		return
	}
	h := &s.history
	h.ready, h.dropped, h.cleared = true, st.History.Dropped, st.History.Cleared
	now := s.q.peer.cfg.Now()
	for i := range st.History.Events {
		k := &st.History.Events[i]
		s.addKept(&keptEvent{
			subject: s, seq: k.Seq, frame: withSerial(k.Payload, s.serial(k.Seq)), except: k.Except,
			expires: now.Add(time.Duration(k.TTL) * time.Millisecond),
		})
	}
	if st.History.More && len(h.events) > 0 { // all events after the one before the first are here
		h.dropped = h.events[0].seq - 1
	}
	s.boundKept()
	s.outdate()
}

// keptToo makes a cached event and the same event in the history share a frame.
func (s *subject) keptToo(e *cachedEvent) {
	if i := s.history.after(e.at.Seq) - 1; i >= 0 && s.history.events[i].seq == e.at.Seq {
		e.frame, e.serial = s.history.events[i].frame, true
	}
}

// rebornHistory gives the events the serials of a new memory that continues the
// previous one: the events are the same.
func (s *subject) rebornHistory() {
	h := &s.history
	h.epoch = 0
	for _, e := range h.events {
		f := withSerial(withoutSerial(e.frame.Payload()), s.serial(e.seq))
		if s.cached != nil && s.cached.frame == e.frame {
			s.app.account.Resize(account.Cache, f.Size()-e.frame.Size())
			s.cached.frame = f
		}
		s.app.account.Resize(account.History, f.Size()-e.frame.Size())
		e.frame = f
	}
}

// historyAt returns the position of the history: all entries up to it have arrived.
func (s *subject) historyAt() uint64 {
	if s.awaiting || s.learning {
		return s.at
	}
	return max(s.at, s.q.feeds.position)
}

// behind reports whether a socket that joins has to wait until the node knows more
// of the history: entries are missing, or the client has later ones from another
// node.
func (s *subject) behind(w *join) bool { return w.History != nil && s.awaiting || s.ahead(w) }

// ahead reports whether a socket that joins names a position that this node may not
// have reached: the client received it from a node that was faster.
func (s *subject) ahead(w *join) bool {
	if w.History == nil || w.Recover == "" || w.Again || !s.history.ready {
		return false
	}
	seen, ok := pusherproto.ParseSerial(w.Recover)
	return ok && seen.Epoch == s.serial(0).Epoch && seen.Offset > s.historyAt()
}

// catchUp answers a socket that is ahead when the node has all that the ledger had
// when catchUp was called.
func (s *subject) catchUp(w *join) {
	if s.awaiting || s.q.link.state != linkDone {
		return // the waiting sockets are answered later, at the latest after JoinPatience
	}
	s.q.send(ledger.GetHistory{Subject: s.name}, func(a *ledger.Answer) {
		if a != nil && w.answer != nil && s.known && !s.awaiting && slices.Contains(s.joins, w) {
			s.joins = without(s.joins, w)
			s.answer(w)
		}
	})
}

// past adds the events of the history that the socket is sent to the answer to a
// join.
func (s *subject) past(w *join, answer *channels.Joined) {
	if w.History == nil {
		if w.Recover != "" && !w.Again {
			answer.Lost = channels.LostRule
		}
		return
	}
	h := &s.history
	if !h.ready || w.alone && s.behind(w) {
		if w.Recover != "" && !w.Again {
			answer.Lost = channels.LostAway
		}
		return
	}
	s.outdate()
	answer.At = s.serial(s.historyAt())
	if w.Again {
		return
	}
	if w.Recover != "" {
		var from uint64
		if from, answer.Lost = channels.MissedSince(w.Recover, answer.At, h.dropped, h.cleared); answer.Lost == nil {
			answer.Past = h.frames(h.after(from), w.RecoverSocket)
			return
		}
	}
	answer.Past = h.frames(max(0, len(h.events)-w.History.Rewind), pusherproto.SocketID{})
}

// after returns the index of the first event after a serial's position.
func (h *history) after(seq uint64) int {
	i, _ := slices.BinarySearchFunc(h.events, seq+1, func(e *keptEvent, seq uint64) int { return cmp.Compare(e.seq, seq) })
	return i
}

// frames returns the frames of the events from an index on, without those that
// exclude the socket.
func (h *history) frames(from int, socket pusherproto.SocketID) []*channels.Frame {
	if from >= len(h.events) {
		return nil
	}
	frames := make([]*channels.Frame, 0, len(h.events)-from)
	for _, e := range h.events[from:] {
		if socket.IsZero() || e.except != socket {
			frames = append(frames, e.frame)
		}
	}
	return frames
}

// keepOf returns how the ledger keeps an event by a rule. Each partition has the
// same share of the app's bytes.
func keepOf(app *apps.App, rule *apps.HistoryRule) ledger.Keep {
	if rule == nil {
		return ledger.Keep{}
	}
	k := ledger.Keep{Events: max(rule.Events, 1), TTL: rule.TTL}
	if most := app.Limits.MaxHistoryBytes; most > 0 {
		k.Bytes = max(most/Partitions, 1)
	}
	return k
}
