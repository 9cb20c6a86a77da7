package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

// readers are pages that connect and disconnect on channels with a history, and recover
// what they missed. They are active between two rests.
type readers struct {
	w        *World
	random   *rand.Rand // separate, so that readers do not change the random choices of the rest
	channels []string
	all      []*reader
	active   bool
	events   int
	tally    map[string]int // of the results, by kind

	memories map[uint64]*memory // by the epoch of a channel's serials
}

// keptTruth is an event that a ledger had to keep, or the clearing of a history.
type keptTruth struct {
	seq    uint64
	text   string // "" means that the history was cleared
	except pusherproto.SocketID
}

// newReaders adds rules for their channels to the app.
func (w *World) newReaders() *readers {
	r := &readers{w: w, random: rand.New(rand.NewPCG(w.cfg.Seed, 0x4ead)), tally: map[string]int{}, memories: map[uint64]*memory{}}
	if w.cfg.Readers == 0 {
		return r
	}
	for i, begin := range []string{"private-history-a", "private-history-b", "history-c"} {
		r.channels = append(r.channels, named(ledger.Channel, begin, cluster.Partition(i%w.cfg.Partitions)))
	}
	w.app.History = []apps.HistoryRule{
		{Channels: "private-history-a*", Events: 8, TTL: 20 * time.Second, Rewind: 3, ClientEvents: true},
		{Channels: "private-history-b*", Events: 100, TTL: 5 * time.Second},
		{Channels: "history-c*", Events: 1000, TTL: time.Minute, Rewind: 1000},
	}
	w.app.Limits.MaxHistoryBytes = 4000 * cluster.Partitions
	for i := range w.cfg.Readers {
		r.all = append(r.all, &reader{r: r, w: w, index: i, channel: r.channels[i%len(r.channels)]})
	}
	return r
}

// born records the memory of an epoch.
func (r *readers) born(b ledger.Birth, m *memory) {
	for _, name := range r.channels {
		r.memories[cluster.HistoryEpoch(b, ledger.Subject{Kind: ledger.Channel, App: appID, Name: name})] = m
	}
}

// appended is called for each entry of a memory.
func (r *readers) appended(m *memory, e *ledger.Entry) {
	switch {
	case e.Kind == ledger.EntryCleared:
		m.keep(e.Op.Subject.Name, keptTruth{seq: e.Seq})
	case e.Op.Keep.Events > 0:
		m.keep(e.Op.Subject.Name, keptTruth{e.Seq, string(e.Op.Payload), e.Op.Except})
	}
}

func (m *memory) keep(channel string, it keptTruth) {
	if m.kept == nil {
		m.kept = map[string][]keptTruth{}
	}
	m.kept[channel] = append(slices.Clip(m.kept[channel]), it) // a clone has the same
}

// between returns what a channel's history had after offset from, up to and including
// offset to, in the memory of an epoch.
func (r *readers) between(channel string, epoch, from, to uint64) (part []keptTruth) {
	m := r.memories[epoch]
	if m == nil {
		r.w.failf(channel, "there was no memory of the epoch %d", epoch)
	}
	for _, it := range m.kept[channel] {
		if it.seq > from && it.seq <= to {
			part = append(part, it)
		}
	}
	return part
}

// begin starts the readers, end stops them.
func (r *readers) begin() {
	r.active = true
	for _, it := range r.all {
		it.later(3*time.Second, it.connect)
	}
	if len(r.all) > 0 {
		r.publish()
		r.clear()
	}
}

func (r *readers) end() {
	r.active = false
	for _, it := range r.all {
		it.leave()
	}
}

// after runs a function within a time, if the readers are active then.
func (r *readers) after(within time.Duration, do func()) {
	r.w.after(time.Duration(r.random.Int64N(int64(within)))+1, func() {
		if r.active {
			do()
		}
	})
}

func (r *readers) anyNode() *node {
	var all []*node
	for _, n := range r.w.nodes {
		if !n.dead && !n.draining {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[r.random.IntN(len(all))]
}

// publish publishes events from a back end, at random times.
func (r *readers) publish() {
	r.after(200*time.Millisecond, func() {
		r.publish()
		n := r.anyNode()
		if n == nil {
			return
		}
		name := r.channels[r.random.IntN(len(r.channels))]
		r.events++
		payload := pusherproto.AppendEvent(nil, "h-"+strconv.Itoa(r.events), name, []byte(`"`+strings.Repeat("x", r.random.IntN(100))+`"`))
		pub := channels.Publication{App: &r.w.app, Channel: name, Frame: channels.NewFrame(payload), Keep: r.w.app.HistoryOf(name), Accepted: func(error) {}}
		pub.Placed = func(s pusherproto.Serial) {
			if part := r.between(name, s.Epoch, s.Offset-1, s.Offset); len(part) != 1 || part[0].text != string(payload) {
				r.w.failf(name, "the answer says that %s is at %s, where the history has %v", payload, s, part)
			}
			r.tally["placed"]++
		}
		n.do(func() { n.peer.Publish(pub) })
	})
}

// clear clears a history from a back end, at random times.
func (r *readers) clear() {
	r.after(2*time.Minute, func() {
		r.clear()
		if n := r.anyNode(); n != nil {
			name := r.channels[r.random.IntN(len(r.channels))]
			n.do(func() {
				q := r.w.ask(func(ctx context.Context) { _ = n.peer.ClearHistory(ctx, &r.w.app, name) })
				r.w.after(20*time.Second, q.cancel)
			})
		}
	})
}

// reader is one page. It knows the last serial that it received, and its socket id
// then.
type reader struct {
	r       *readers
	w       *World
	index   int
	channel string
	saw     pusherproto.Serial
	was     pusherproto.SocketID
	conn    *reading
}

// reading is one connection of a reader.
type reading struct {
	channels.Session
	of      *reader
	node    *node
	closed  bool
	asked   pusherproto.Serial // the serial from which it recovers; zero if it does not
	was     pusherproto.SocketID
	on      bool
	lost    string // why it cannot recover
	at, saw pusherproto.Serial
	past    []string
	checked bool
	spoken  int
}

func (it *reader) String() string { return fmt.Sprintf("reader %d on %s", it.index, it.channel) }

func (it *reader) later(within time.Duration, do func()) { it.r.after(within, do) }

func (it *reader) connect() {
	n := it.r.anyNode()
	if it.conn != nil {
		return
	}
	if n == nil || n.frozen {
		it.later(time.Second, it.connect)
		return
	}
	c := &reading{of: it, node: n, asked: it.saw, was: it.was}
	if refusal := c.Open(n.hub, &it.w.app, n.loops[it.r.random.IntN(len(n.loops))], c); refusal != nil {
		it.later(time.Second, it.connect)
		return
	}
	it.conn = c
	m := subscription(c.ID(), it.channel, "reader")
	if c.asked.Epoch != 0 {
		m = fmt.Appendf(m[:len(m)-2], `,"recover":%q,"recover_socket_id":%q}}`, c.asked, c.was)
	}
	it.w.tracef(it.channel, "%s comes to %s as %s with %s", it, n, c.ID(), m)
	n.do(func() { c.Receive(m) })
	it.speak(c)
	stay := time.Duration(1+it.r.random.IntN(1<<it.r.random.IntN(15))) * time.Millisecond
	it.w.after(stay, func() {
		if it.conn == c {
			it.leave()
		}
	})
}

// speak sends client events of a page.
func (it *reader) speak(c *reading) {
	it.later(2*time.Second, func() {
		if it.conn != c || c.node.dead {
			return
		}
		if c.on && pusherproto.KindOf(it.channel).ClientEvents() {
			c.spoken++
			m := fmt.Appendf(nil, `{"event":"client-%d-%d","channel":%q,"data":%d}`, it.index, it.r.events, it.channel, c.spoken)
			c.node.do(func() { c.Receive(m) })
		}
		it.speak(c)
	})
}

// leave ends the connection, and lets the page reconnect.
func (it *reader) leave() {
	c := it.conn
	if c == nil {
		return
	}
	it.conn = nil
	c.closed = true
	c.checkPast()
	if c.saw.Epoch != 0 {
		it.saw, it.was = c.saw, c.ID()
	}
	c.node.do(c.Gone)
	it.later(time.Duration(1<<it.r.random.IntN(15))*time.Millisecond, it.connect)
}

// Opened implements channels.Conn.
func (c *reading) Opened(*pusherproto.Error) {}

// Close implements channels.Conn.
func (c *reading) Close(int, string) {
	if !c.closed {
		c.of.w.after(1, func() {
			if c.of.conn == c {
				c.of.leave()
			}
		})
		c.closed = true
		c.checkPast()
	}
}

// Send implements channels.Conn.
func (c *reading) Send(f *channels.Frame) {
	if c.closed || c.node.dead {
		return
	}
	text := string(f.Payload())
	w, name := c.of.w, c.of.channel
	if w.tracing {
		w.tracef(name, "%s receives %s", c.of, text)
	}
	plain, member, has := strings.Cut(text, `,"serial":"`)
	serial, ok := pusherproto.ParseSerial(strings.TrimSuffix(member, `"}`))
	if has != ok {
		w.failf(name, "%s received %s, which has no valid serial", c.of, text)
	}
	t, _ := read(text)
	switch {
	case t.channel != name:
	case t.event == pusherproto.EventSubscriptionSucceeded:
		c.on, c.at, c.saw = true, serial, serial
	case t.event == pusherproto.EventRecoveryFailed:
		c.lost, _ = between(text, `reason\":\"`, `\"`)
		c.of.r.tally[c.lost]++
		if c.asked.Epoch == 0 {
			w.failf(name, "%s did not ask to recover and received %s", c.of, text)
		}
		if c.lost == channels.LostSerial.Reason || c.lost == channels.LostRule.Reason {
			w.failf(name, "%s asked to recover from %s and received %s", c.of, c.asked, text)
		}
	case strings.HasPrefix(t.event, "h-"), strings.HasPrefix(t.event, "client-"):
		if kept := t.event[0] == 'h' || w.app.HistoryOf(name).ClientEvents; !ok && !kept {
			return
		} else if kept != ok {
			w.failf(name, "%s received %s; it has a serial: %t", c.of, text, ok)
		}
		c.hear(plain+"}", serial)
	}
}

// hear checks an event with a serial: a recovered one or a new one.
func (c *reading) hear(text string, serial pusherproto.Serial) {
	w, r, name := c.of.w, c.of.r, c.of.channel
	it := r.between(name, serial.Epoch, serial.Offset-1, serial.Offset)
	if len(it) != 1 || it[0].text != text {
		w.failf(name, "%s received %s at %s, where the history has %v", c.of, text, serial, it)
	}
	if it[0].except == c.ID() {
		w.failf(name, "%s received %s, which excludes it", c.of, text)
	}
	if serial.Epoch == c.at.Epoch && serial.Offset <= c.at.Offset {
		c.past = append(c.past, serial.String())
		return
	}
	c.checkPast()
	if serial.Epoch == c.saw.Epoch {
		if serial.Offset <= c.saw.Offset {
			w.failf(name, "%s received %s at %s after %s", c.of, text, serial, c.saw)
		}
		if whole := !w.lossy && !w.split && !w.forgot; whole && w.cfg.OnGap == cluster.GapClose {
			for _, missed := range r.between(name, serial.Epoch, c.saw.Offset, serial.Offset-1) {
				if missed.text != "" && missed.except != c.ID() {
					w.failf(name, "%s received %s at %s after %s, without %v", c.of, text, serial, c.saw, missed)
				}
			}
		}
	}
	c.saw = serial
}

// checkPast compares the events that the socket received first with those that it
// missed. It is called when it has received all of them.
func (c *reading) checkPast() {
	if !c.on || c.checked {
		return
	}
	c.checked = true
	w, r, name := c.of.w, c.of.r, c.of.channel
	if c.at.Epoch == 0 {
		if c.asked.Epoch != 0 && c.lost == "" || len(c.past) > 0 {
			w.failf(name, "%s recovered from a history without a position", c.of)
		}
		return
	}
	var want []string
	from, except := c.asked, c.was
	recovered := c.asked.Epoch != 0 && c.lost == ""
	if !recovered { // a rewind: the newest events, all of which it receives
		from, except = pusherproto.Serial{Epoch: c.at.Epoch}, pusherproto.SocketID{}
	}
	if from.Epoch != c.at.Epoch || from.Offset > c.at.Offset {
		w.failf(name, "%s recovered from %s, in a history at %s", c.of, c.asked, c.at)
	}
	for _, it := range r.between(name, c.at.Epoch, from.Offset, c.at.Offset) {
		switch {
		case it.text == "" && recovered:
			w.failf(name, "%s recovered from %s, and the history was cleared since", c.of, c.asked)
		case it.text == "":
			want = nil
		case except.IsZero() || it.except != except:
			want = append(want, pusherproto.Serial{Epoch: c.at.Epoch, Offset: it.seq}.String())
		}
	}
	if !recovered {
		rewind := w.app.HistoryOf(name).Rewind
		want = want[max(0, len(want)-min(len(c.past), rewind)):]
	} else if len(want) > 0 {
		r.tally["missed"]++
	} else {
		r.tally["nothing missed"]++
	}
	if !slices.Equal(c.past, want) {
		w.failf(name, "%s recovered from %s at %s and received %v, it missed %v; reason of the failure: %q", c.of, c.asked, c.at, c.past, want, c.lost)
	}
}
