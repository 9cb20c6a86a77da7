package channels

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

// desk is a hub with event loops that turn when the test says so: everything
// happens on the test's goroutine, in an order that can be told.
type desk struct {
	t     testing.TB
	hub   *Hub
	app   apps.App
	loops []*handLoop
	now   time.Time
}

// newDesk has two loops and a clock that stands still.
func newDesk(t testing.TB, change ...func(*apps.App)) *desk {
	return newDeskWith(t, nil, change...)
}

func newDeskWith(t testing.TB, cluster func(Node) Cluster, change ...func(*apps.App)) *desk {
	d := &desk{t: t, app: apps.Default(), now: time.Unix(1_700_000_000, 0)}
	d.app.ID, d.app.Keys = "1", []apps.Key{{Key: "key", Secret: "secret"}}
	for _, f := range change {
		f(&d.app)
	}
	d.hub = New(Config{Now: func() time.Time { return d.now }, OfflineGrace: -1, Cluster: cluster})
	for range 2 {
		l := &handLoop{}
		d.loops = append(d.loops, l)
		d.hub.AddOwner(l)
	}
	return d
}

// handLoop is an Owner that handles its mail when it is told to.
type handLoop struct {
	mu       sync.Mutex
	mail     []Mail
	counters Counters
}

func (l *handLoop) Post(m Mail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.Weigh()
	l.mail = append(l.mail, m)
}

func (l *handLoop) Lane(*Pressure) Lane { return l }
func (l *handLoop) Counters() *Counters { return &l.counters }

// turn handles the mail there is and reports whether there was any.
func (l *handLoop) turn() bool {
	l.mu.Lock()
	mail := l.mail
	l.mail = nil
	l.mu.Unlock()
	for i := range mail {
		mail[i].Handle()
	}
	return len(mail) > 0
}

// settle turns the loops until nobody has mail.
func (d *desk) settle() {
	for busy := true; busy; {
		busy = false
		for _, l := range d.loops {
			busy = l.turn() || busy
		}
	}
}

// visitor is a connection that remembers what it was sent.
type visitor struct {
	Session
	d      *desk
	got    []string
	closed int                  // code, 0 while open
	opened []*pusherproto.Error // as Opened was told
}

func (v *visitor) Send(f *Frame) {
	if v.closed == 0 {
		v.got = append(v.got, string(f.Payload()))
	}
}

func (v *visitor) Close(code int, _ string) {
	if v.closed == 0 {
		v.closed = code
		v.d.loops[0].Post(Call(v.Gone)) // later, as a transport does
	}
}

// Opened implements Conn. A socket that is refused is told as transports do.
func (v *visitor) Opened(refusal *pusherproto.Error) {
	v.opened = append(v.opened, refusal)
	if refusal != nil {
		v.Close(refusal.Code, refusal.Message)
	}
}

// passes lets time go by.
func (d *desk) passes(t time.Duration) {
	d.now = d.now.Add(t)
	d.memory().schedule.runDue()
	d.settle()
}

// visit opens a connection on one of the loops.
func (d *desk) visit() *visitor { return d.visitApp(&d.app) }

func (d *desk) visitApp(app *apps.App) *visitor {
	d.t.Helper()
	v := &visitor{d: d}
	l := d.loops[int(d.hub.Stats().MessagesReceived)%len(d.loops)]
	d.loops[0].counters.MessagesReceived.Add(1) // the next one goes to the other loop
	if refusal := v.Open(d.hub, app, l, v); refusal != nil {
		d.t.Fatal(refusal)
	}
	v.got = nil
	return v
}

// says sends a message and lets everything come of it.
func (v *visitor) says(format string, args ...any) {
	v.pipelines(format, args...)
	v.d.settle()
}

// pipelines sends a message while earlier ones are under way. Its bytes are
// overwritten then, as a transport's buffer is: nothing may be kept of them.
func (v *visitor) pipelines(format string, args ...any) {
	payload := []byte(fmt.Sprintf(format, args...))
	v.Receive(payload)
	for i := range payload {
		payload[i] = '!'
	}
}

// hears takes what was sent so far, which must be exactly this.
func (v *visitor) hears(want ...string) {
	v.d.t.Helper()
	got := v.got
	v.got = nil
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		v.d.t.Fatalf("%s heard something else (-want +got):\n%s", v.ID(), diff)
	}
}

// hearsPart takes one message, which must hold part.
func (v *visitor) hearsPart(part string) {
	v.d.t.Helper()
	if len(v.got) == 0 || !strings.Contains(v.got[0], part) {
		v.d.t.Fatalf("heard %q, want %s", v.got, part)
	}
	v.got = v.got[1:]
}

func succeeded(channel string) string {
	return `{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":"{}"}`
}

// subscription is the message that subscribes v, signed, as a member if
// channelData is not empty.
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

func (v *visitor) leaves() {
	v.Gone()
	v.d.settle()
}

func (d *desk) publish(channel, data string) {
	d.t.Helper()
	ev := pusherproto.Event{Name: "e", Channels: []string{channel}, Data: pusherproto.AppendString(nil, data)}
	if err := d.hub.Publish(context.Background(), &d.app, ev); err != nil {
		d.t.Fatal(err)
	}
	d.settle()
}

func event(channel, data string) string {
	return `{"event":"e","channel":"` + channel + `","data":"` + data + `"}`
}

// memory is the in-memory cluster, however far away it is.
func (d *desk) memory() *memory {
	switch c := d.hub.cluster.(type) {
	case *distant:
		return c.memory
	case *lagging:
		return c.memory
	default:
		return c.(*memory)
	}
}

// empty checks that nothing is left of anybody.
func (d *desk) empty() {
	d.t.Helper()
	shared := d.memory().app(&d.app)
	for i := range shared.stripes {
		for c := range shared.stripes[i].channels.all {
			d.t.Errorf("the cluster still knows %+v", c)
		}
	}
	if c, ok := d.hub.cluster.(*lagging); ok && len(c.watched.users) > 0 {
		d.t.Errorf("users are watched still: %v", c.watched.users)
	}
	for user := range shared.users.online.all {
		d.t.Errorf("user %+v is left", user)
	}
	channels, err := d.hub.Channels(context.Background(), &d.app, "")
	if err != nil || len(channels) != 0 {
		d.t.Errorf("channels are left: %+v %v", channels, err)
	}
	for i := range d.hub.tenant("1").table.stripes {
		for c := range d.hub.tenant("1").table.stripes[i].channels.all {
			d.t.Errorf("a channel is left: %+v", c)
		}
	}
	if n := d.hub.tenant("1").table.channels.Load(); n != 0 {
		d.t.Errorf("%d channels are counted", n)
	}
	held := d.hub.Account(&d.app)
	for k := range account.Kinds {
		if k := account.Kind(k); held.Count(k) != 0 || held.BytesOf(k) != 0 {
			d.t.Errorf("%s: %d of %d bytes are left in the account", k, held.Count(k), held.BytesOf(k))
		}
	}
	if n := d.hub.tenant("1").sockets.Load(); n != 0 {
		d.t.Errorf("%d sockets are counted", n)
	}
}
