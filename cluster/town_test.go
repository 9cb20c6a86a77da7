package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// town is a few nodes with hubs and an engine between them, all on the test's
// goroutine: everything happens in an order that can be told.
type town struct {
	t      *testing.T
	now    time.Time
	app    apps.App
	nodes  []*house
	engine server
	steps  []func() // what the wire holds
	mute   bool     // nodes that are built answer no questions, as those of an earlier version
}

// server is the other side of the engines: the ledgers and the table.
type server struct {
	ledgers [Partitions]*ledger.Ledger
	run     ledger.Run
	births  ledger.Birth
	table   []Beat
	began   time.Time
	full    bool // it is out of memory
}

// house is a node.
type house struct {
	town     *town
	hub      *channels.Hub
	peer     *Peer
	loop     handLoop
	up       bool
	link     int // counts connections
	watching map[ledger.Subject]bool
	listens  bool
	asked    []*Question
	followed []*Followed
	told     int  // messages that it sent
	lost     bool // what it sends is carried out, and not answered
	frozen   bool // it stands still: what it is sent waits in backlog
	backlog  []func()
	beats    int // without an answer
	sent     []ledger.Request
	notices  []string
}

func newTown(t *testing.T, nodes int, change ...func(*apps.App)) *town {
	w := &town{t: t, now: time.Unix(1_700_000_000, 0), app: apps.Default()}
	w.app.ID, w.app.Keys = "1", []apps.Key{{Key: "key", Secret: "secret"}}
	for _, f := range change {
		f(&w.app)
	}
	w.engine.began = w.now
	w.wipe()
	for i := range nodes {
		w.build(ledger.Node(i + 1))
	}
	for _, h := range w.nodes {
		h.connect()
	}
	w.settle()
	return w
}

func (w *town) build(id ledger.Node) *house {
	h := &house{town: w}
	h.hub = channels.New(channels.Config{
		Now: func() time.Time { return w.now },
		Cluster: func(n channels.Node) channels.Cluster {
			h.peer = NewPeer(n, Config{Node: id, Now: func() time.Time { return w.now }, About: func() string { return "test" }, Desk: h.desk()}, h)
			return h.peer
		},
		Observers: []channels.Observer{h},
	})
	h.hub.AddOwner(&h.loop)
	w.nodes = append(w.nodes, h)
	return h
}

// wipe has the engine forget everything.
func (w *town) wipe() {
	for i := range w.engine.ledgers {
		w.engine.ledgers[i] = ledger.New()
	}
	w.engine.run += "x"
	w.engine.table = nil
}

// Observe implements channels.Observer.
func (h *house) Observe(n channels.Notice) {
	h.notices = append(h.notices, strings.TrimSpace(fmt.Sprintf("%s %s %s", noticeNames[n.Kind], n.Channel, n.UserID)))
}

var noticeNames = map[channels.NoticeKind]string{
	channels.ChannelOccupied: "occupied", channels.ChannelVacated: "vacated", channels.MemberAdded: "added",
	channels.MemberRemoved: "removed", channels.ClientEvent: "client", channels.CacheMiss: "miss", channels.SubscriptionCount: "count",
}

func (h *house) connect() {
	for ; h.beats > 0; h.beats-- {
		h.peer.Beats(nil, false)
	}
	h.backlog = nil
	h.up = true
	h.link++
	h.watching, h.listens = map[ledger.Subject]bool{}, false
	for i := range Partitions {
		h.peer.Up(Partition(i))
	}
}

// cut breaks the connection. What is on the wire is lost.
func (h *house) cut() {
	h.up = false
	for i := range Partitions {
		h.peer.Down(Partition(i), errors.New("cut by the test"))
	}
}

// Run implements Engine.
func (h *house) Run(context.Context, Upcalls) error { return nil }

// later has f run in its turn, if the connection is still there.
func (h *house) later(f func()) {
	link := h.link
	h.town.steps = append(h.town.steps, func() {
		if h.up && h.link == link {
			f()
		}
	})
}

// comes has f run when what the engine sends in its turn arrives.
func (h *house) comes(f func()) {
	h.later(func() {
		if h.frozen {
			h.backlog = append(h.backlog, f)
			return
		}
		f()
	})
}

// thaw has a node that stood still go on.
func (h *house) thaw() {
	h.frozen = false
	backlog := h.backlog
	h.backlog = nil
	for _, f := range backlog {
		h.later(f)
	}
}

// Send implements Engine.
func (h *house) Send(p Partition, r ledger.Request) {
	if !h.up {
		return
	}
	h.sent = append(h.sent, r)
	h.later(func() {
		s := &h.town.engine
		s.births++
		if do, ok := r.(ledger.Do); ok {
			do.Full = s.full
			r = do
		}
		answer, entries := s.ledgers[p].Handle(s.run, s.births, h.town.now.Sub(s.began).Milliseconds()+1, r)
		for _, e := range entries {
			for _, to := range h.town.nodes {
				if whole := e.Kind == ledger.EntryEntered || e.Kind == ledger.EntryStruck; whole || to.watching[e.Op.Subject] {
					to.comes(func() { to.peer.Push(p, e) })
				}
			}
		}
		if !h.lost {
			h.comes(func() { h.peer.Answer(p, r, answer) })
		}
	})
}

// Watch and Unwatch implement Engine. They keep their place among the requests.
func (h *house) Watch(_ Partition, s ledger.Subject) {
	if h.up {
		h.later(func() { h.watching[s] = true })
	}
}

func (h *house) Unwatch(_ Partition, s ledger.Subject) {
	if h.up {
		h.later(func() { delete(h.watching, s) })
	}
}

// handDesk answers when the test says so.
type handDesk struct{ h *house }

func (d handDesk) Asked(q *Question)    { d.h.asked = append(d.h.asked, q) }
func (d handDesk) Followed(f *Followed) { d.h.followed = append(d.h.followed, f) }

func (h *house) desk() Desk {
	if h.town.mute {
		return nil
	}
	return handDesk{h}
}

// Listen and Tell implement Engine.
func (h *house) Listen(p Partition, n ledger.Node) {
	if n != h.peer.cfg.Node || p != letterPartition(n) {
		h.town.t.Errorf("node %d listens as %d in partition %d", h.peer.cfg.Node, n, p)
	}
	h.later(func() { h.listens = true })
}

func (h *house) Tell(_ Partition, to ledger.Node, message []byte) {
	h.told++
	if !h.up {
		return
	}
	h.later(func() {
		for _, other := range h.town.nodes {
			if other.peer.cfg.Node == to && other.listens {
				other.comes(func() { other.peer.Told(message) })
			}
		}
	})
}

// Beat implements Engine.
func (h *house) Beat(b Beat) { h.write(func(l *Beat) { *l = b }, b.Node) }

// Mark implements Engine.
func (h *house) Mark(m Mark) {
	h.write(func(l *Beat) {
		if !l.Dead && l.Count == m.Count {
			if l.Dead = true; l.About == "" {
				l.About = m.About
			}
		}
	}, m.Node)
}

func (h *house) write(change func(*Beat), node ledger.Node) {
	h.beats++
	if !h.up {
		return
	}
	h.later(func() {
		s := &h.town.engine
		at := slices.IndexFunc(s.table, func(b Beat) bool { return b.Node == node })
		if at < 0 {
			at = len(s.table)
			s.table = append(s.table, Beat{Node: node})
		}
		change(&s.table[at])
		all := slices.Clone(s.table)
		h.comes(func() {
			h.beats--
			h.peer.Beats(all, true)
		})
	})
}

// settle lets everything come of what was done.
func (w *town) settle() {
	w.t.Helper()
	for range 100_000 {
		if len(w.steps) > 0 {
			next := w.steps[0]
			w.steps = w.steps[1:]
			next()
			continue
		}
		busy := false
		for _, h := range w.nodes {
			busy = !h.frozen && h.loop.turn() || busy
		}
		if !busy {
			return
		}
	}
	w.t.Fatal("the town does not come to rest")
}

// passes lets time go by, with a turn ten times a second.
func (w *town) passes(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(turnEvery)
		for _, h := range w.nodes {
			if !h.frozen {
				h.peer.Turn()
			}
		}
		w.settle()
	}
}

// handLoop is an Owner that handles its mail when it is told to.
type handLoop struct {
	mail     []channels.Mail
	counters channels.Counters
}

func (l *handLoop) Lane(*channels.Pressure) channels.Lane { return l }
func (l *handLoop) Counters() *channels.Counters          { return &l.counters }

func (l *handLoop) Post(m channels.Mail) {
	m.Weigh()
	l.mail = append(l.mail, m)
}

func (l *handLoop) turn() bool {
	mail := l.mail
	l.mail = nil
	for i := range mail {
		mail[i].Handle()
	}
	return len(mail) > 0
}

// visitor is a connection to a node that remembers what it was sent.
type visitor struct {
	channels.Session
	h      *house
	got    []string
	closed int
}

func (v *visitor) Send(f *channels.Frame) {
	if v.closed == 0 {
		v.got = append(v.got, string(f.Payload()))
	}
}

func (v *visitor) Opened(refusal *pusherproto.Error) {
	if refusal != nil {
		v.Close(refusal.Code, refusal.Message)
	}
}

func (v *visitor) Close(code int, _ string) {
	if v.closed == 0 {
		v.closed = code
		v.h.loop.Post(channels.Call(v.Gone))
	}
}

func (h *house) visit() *visitor {
	h.town.t.Helper()
	v := &visitor{h: h}
	if refusal := v.Open(h.hub, &h.town.app, &h.loop, v); refusal != nil {
		h.town.t.Fatal(refusal)
	}
	v.got = nil
	return v
}

// says sends a message and lets everything come of it.
func (v *visitor) says(format string, args ...any) {
	v.pipelines(format, args...)
	v.h.town.settle()
}

func (v *visitor) pipelines(format string, args ...any) { v.Receive(fmt.Appendf(nil, format, args...)) }

// hears takes what was sent so far, which must be exactly this.
func (v *visitor) hears(want ...string) {
	v.h.town.t.Helper()
	got := v.got
	v.got = nil
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		v.h.town.t.Fatalf("a socket of node %d heard something else (-want +got):\n%s", v.h.peer.cfg.Node, diff)
	}
}

func (v *visitor) leaves() {
	v.Gone()
	v.h.town.settle()
}

func (v *visitor) subscription(channel, channelData string) string {
	m := `{"event":"pusher:subscribe","data":{"channel":"` + channel + `"`
	if pusherproto.KindOf(channel).Signed() {
		m += `,"auth":"key:` + pusherproto.SignChannel("secret", v.ID(), channel, channelData, channelData != "") + `"`
	}
	if channelData != "" {
		m += `,"channel_data":` + string(pusherproto.AppendString(nil, channelData))
	}
	return m + `}}`
}

func (v *visitor) subscribes(channel string) { v.says("%s", v.subscription(channel, "")) }

func (v *visitor) joins(channel, user string) {
	v.says("%s", v.subscription(channel, `{"user_id":"`+user+`"}`))
}

func (v *visitor) unsubscribes(channel string) {
	v.says(`{"event":"pusher:unsubscribe","data":{"channel":%q}}`, channel)
}

func (v *visitor) signin(userData string) string {
	return `{"event":"pusher:signin","data":{"auth":"key:` + pusherproto.SignUser("secret", v.ID(), userData) +
		`","user_data":` + string(pusherproto.AppendString(nil, userData)) + `}}`
}

func (v *visitor) signsIn(userData string) { v.says("%s", v.signin(userData)) }

// publishes has the node's API publish an event, and returns what came of it so
// far: nil, an error, or errPending.
func (h *house) publishes(channel, data string) *publishing {
	p := &publishing{err: errPending}
	payload := pusherproto.AppendEvent(nil, "e", channel, pusherproto.AppendString(nil, data))
	pub := channels.Publication{
		App: &h.town.app, Channel: channel, Frame: channels.NewFrame(payload),
		Accepted: func(err error) {
			if p.err != errPending {
				h.town.t.Errorf("answered twice: %v, %v", p.err, err)
			}
			p.err = err
		},
		Keep:   h.town.app.HistoryOf(channel),
		Placed: func(s pusherproto.Serial) { p.serials = append(p.serials, s) },
	}
	if pusherproto.KindOf(channel).Cache() {
		pub.Remember = h.town.app.CacheTTL
		sealed := pub.Frame.Payload()
		pub.Data = sealed[len(sealed)-3-len(data) : len(sealed)-1]
	}
	h.peer.Publish(pub)
	return p
}

var errPending = errors.New("not answered")

type publishing struct {
	err     error
	serials []pusherproto.Serial
}

func (p *publishing) is(t *testing.T, want error) {
	t.Helper()
	if p.err != want {
		t.Fatalf("the event was answered %v, want %v", p.err, want)
	}
}

func event(channel, data string) string {
	return `{"event":"e","channel":"` + channel + `","data":"` + data + `"}`
}

func succeeded(channel string) string {
	return `{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":"{}"}`
}

// members is the answer to a join of a presence channel.
func members(channel string, users ...string) string {
	ids := make([]string, len(users))
	hash := make([]string, len(users))
	for i, u := range users {
		ids[i] = `\"` + u + `\"`
		hash[i] = `\"` + u + `\":null`
	}
	return fmt.Sprintf(`{"event":"pusher_internal:subscription_succeeded","channel":"%s","data":"{\"presence\":{\"count\":%d,\"ids\":[%s],\"hash\":{%s}}}"}`,
		channel, len(users), strings.Join(ids, ","), strings.Join(hash, ","))
}

func added(channel, user string) string {
	return string(pusherproto.AppendMemberAdded(nil, channel, user, nil))
}

func removed(channel, user string) string {
	return string(pusherproto.AppendMemberRemoved(nil, channel, user))
}

// empty checks that nothing is left of anybody once feeds have lingered.
func (w *town) empty() {
	w.t.Helper()
	w.passes(20 * time.Second)
	for _, h := range w.nodes {
		for i := range h.peer.partitions {
			for _, s := range h.peer.partitions[i].subjects {
				w.t.Errorf("node %d still watches %v", h.peer.cfg.Node, s.name)
			}
			if q := &h.peer.partitions[i]; len(q.timers.heap) > 0 {
				w.t.Errorf("node %d has %d timers in partition %d", h.peer.cfg.Node, len(q.timers.heap), i)
			}
		}
		held := h.hub.Account(&w.app)
		for k := range account.Kinds {
			if k := account.Kind(k); held.Count(k) != 0 || held.BytesOf(k) != 0 {
				w.t.Errorf("node %d, %s: %d of %d bytes are left in the account", h.peer.cfg.Node, k, held.Count(k), held.BytesOf(k))
			}
		}
		if health := h.peer.Health(); health.Queued != 0 || health.QueuedBytes != 0 {
			w.t.Errorf("node %d has %d ops of %d bytes queued", h.peer.cfg.Node, health.Queued, health.QueuedBytes)
		}
	}
}
