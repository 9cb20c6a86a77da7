package channels

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrame_HeaderIsTheShortestThatFits(t *testing.T) {
	for size, header := range map[int][]byte{
		0:         {0x81, 0},
		1:         {0x81, 1},
		125:       {0x81, 125},
		126:       {0x81, 126, 0, 126},
		127:       {0x81, 126, 0, 127},
		256:       {0x81, 126, 1, 0},
		1<<16 - 1: {0x81, 126, 255, 255},
		1 << 16:   {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0},
		1<<20 + 5: {0x81, 127, 0, 0, 0, 0, 0, 16, 0, 5},
	} {
		payload := []byte(strings.Repeat("x", size))
		f := NewFrame(payload)
		if diff := cmp.Diff(header, f.Bytes()[:len(f.Bytes())-size]); diff != "" {
			t.Errorf("header of %d bytes (-want +got):\n%s", size, diff)
		}
		if !bytes.Equal(f.Payload(), payload) || f.IsControl() {
			t.Errorf("%d bytes: payload of %d, control %v", size, len(f.Payload()), f.IsControl())
		}
	}
}

func TestFrame_CopiesItsPayload(t *testing.T) {
	payload := []byte("text")
	f := NewFrame(payload)
	payload[0] = '!'
	if string(f.Payload()) != "text" {
		t.Errorf("the frame became %q", f.Payload())
	}
}

func TestFrame_Control_IsAsTheTransportMadeIt(t *testing.T) {
	f := ControlFrame([]byte{0x89, 0})
	if !f.IsControl() || string(f.Bytes()) != "\x89\x00" {
		t.Errorf("control %v, bytes %x", f.IsControl(), f.Bytes())
	}
}

func TestMail_WeighsWhatItWillCost(t *testing.T) {
	d := newDesk(t)
	for range 7 {
		d.visit().subscribes("news") // by turns on two loops
	}
	d.hub.Deliver(&d.app, "news", NewFrame([]byte("{}")), d.visit().ID())
	var frames []int
	for _, l := range d.loops {
		for i := range l.mail {
			frames = append(frames, l.mail[i].Weight())
		}
	}
	if diff := cmp.Diff([]int{5, 4}, frames); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	call := Call(func() {})
	if call.Weigh() != 1 || call.Weight() != 1 {
		t.Errorf("a call weighs %d", call.Weight())
	}
}

func TestStats_AddUpWhatTheLoopsDid(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("news")
	v.subscribes("private-x")
	v.joins("presence-x", "1")
	v.signsIn(`{"id":"7","watchlist":["8"]}`)
	v.says(`{"event":"pusher:subscribe","data":{"channel":"private-y"}}`)
	v.says(`{"event":"client-e","channel":"news","data":{}}`)
	d.publish("news", "1")
	v.says(`{"event":"client-e","channel":"private-x","data":{}}`)
	d.hub.Refused(4001)
	other := d.visit() // on the other loop
	for n, of := range map[uint64]*visitor{1: v, 2: other} {
		of.Traffic().MessagesReceived.Add(n)
		of.Traffic().BytesReceived.Add(10 * n)
		of.Traffic().FramesSent.Add(100 * n)
		of.Traffic().BytesSent.Add(1000 * n)
	}
	other.CountClose(1001)
	other.CountClose(4201)
	other.CountClose(3210)
	other.CountClose(3211)
	other.leaves()
	for i, l := range d.loops {
		n := uint64(i + 1)
		l.counters.MessagesReceived.Store(n)
		l.counters.BytesReceived.Store(10 * n)
		l.counters.FramesSent.Store(100 * n)
		l.counters.BytesSent.Store(1000 * n)
		l.counters.Writes.Store(10_000 * n)
		l.counters.SlowReaders.Store(100_000 * n)
	}
	want := Stats{
		Apps: []AppStats{{
			ID: "1", HeldBytes: d.hub.Account(&d.app).Bytes(), Sockets: 1, Channels: 3, Opened: 2, Published: 1, ClientEvents: 1, Members: 1,
			Closed:           []CloseStats{{1001, 1}, {4201, 1}, {0, 2}},
			MessagesReceived: 3, BytesReceived: 30, FramesSent: 300, BytesSent: 3000,
			Subscriptions: []KindStats{
				{"public", 1},
				{"private", 1},
				{"presence", 1},
				{"encrypted", 0},
				{"cache", 0},
				{"private-cache", 0},
				{"presence-cache", 0},
				{"encrypted-cache", 0},
			},
		}},
		Refusals: map[int]uint64{401: 1, 0: 1, 4001: 1}, Published: 1, ClientEvents: 1,
		Refused: []Refusal{
			{"", 4001, "unknown_app", 1},
			{"1", 0, "invalid_client_event", 1},
			{"1", 401, "subscription_unauthorized", 1},
		},
		// Those of the loops are of sockets that belong to no app.
		MessagesReceived: 3 + 3, BytesReceived: 30 + 30, FramesSent: 300 + 300, BytesSent: 3000 + 3000, Writes: 30_000, SlowReaders: 300_000,
	}
	if diff := cmp.Diff(want, d.hub.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

// A frame takes what Size says, within a quarter.
func TestFrame_TakesWhatItCountsFor(t *testing.T) {
	const many = 5000
	frames := make([]*Frame, many)
	payload := []byte(strings.Repeat("x", 200))
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, counted := inUse(), int64(0)
	for i := range frames {
		frames[i] = NewFrame(payload)
		counted += int64(frames[i].Size())
	}
	if took := inUse() - before; took*4 < counted*3 || took*4 > counted*5 {
		t.Errorf("frames take %d bytes each, and count for %d", took/many, counted/many)
	}
	runtime.KeepAlive(frames)
}

func TestFrame_OneOfThoseThatWaitAccountsForIt(t *testing.T) {
	f := NewFrame([]byte("x"))
	if !f.Wait() || f.Wait() || f.Waited() || !f.Waited() || !f.Wait() {
		t.Error("not the first, or not the last")
	}
	if p := NewFrame([]byte("x")).Permanent(); p.Wait() || p.Waited() {
		t.Error("a frame that its maker keeps takes memory by waiting")
	}
}

// A frame that waits for sockets of several apps is in no app's account: it could
// be entered in one and taken out of another.
func TestFrame_OfSeveralApps_IsInNoAccount(t *testing.T) {
	for name, f := range map[string]*Frame{"pong": New(Config{}).pong, "told too often": tooOftenTold} {
		if f.Wait() || f.Waited() {
			t.Errorf("%s: a reader accounts for it", name)
		}
	}
}
