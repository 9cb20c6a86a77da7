package redis

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

const diary = "diary"

// keeps has the node's app keep what is published on the diary.
func (h *house) keeps() *house {
	h.app.History = []apps.HistoryRule{{Channels: diary, Events: 100, TTL: time.Hour, Rewind: 2}}
	return h
}

// recover joins the diary, and says in short what it was sent.
func (h *house) recover(serial string) (at pusherproto.Serial, got string) {
	h.t.Helper()
	answers := make(chan string, 1)
	h.Join(channels.Join{App: &h.app, Channel: diary, Kind: pusherproto.KindOf(diary), Socket: pusherproto.SocketID{A: 1, B: 1}, History: h.app.HistoryOf(diary), Recover: serial}, func(j channels.Joined) {
		var text []string
		if j.Lost != nil {
			text = append(text, j.Lost.Reason)
		}
		for _, f := range j.Past { // frames may be read here only
			data, _, _ := bytes.Cut(f.Payload(), []byte(`,"serial":"`))
			text = append(text, string(data[1:]))
		}
		at = j.At
		answers <- strings.Join(text, " ")
	})
	select {
	case got = <-answers:
	case <-time.After(deadline.Long):
		h.t.Fatal("no answer to a join")
	}
	return at, got
}

func (h *house) recovers(serial, want string) pusherproto.Serial {
	h.t.Helper()
	at, got := h.recover(serial)
	if got != want {
		h.t.Fatalf("behind %s there is %q, want %q", serial, got, want)
	}
	return at
}

// write publishes on the diary until that is accepted, and returns where it is.
func (h *house) write(data string) (at pusherproto.Serial) {
	h.t.Helper()
	for end := time.Now().Add(deadline.Long); time.Now().Before(end); {
		accepted := make(chan error, 1)
		h.Publish(channels.Publication{
			App: &h.app, Channel: diary, Frame: channels.NewFrame([]byte("{" + data + "}")), Keep: h.app.HistoryOf(diary),
			Placed: func(s pusherproto.Serial) { at = s }, Accepted: func(err error) { accepted <- err },
		})
		if <-accepted == nil {
			return at
		}
	}
	h.t.Fatalf("%s is not accepted", data)
	return at
}

func (h *house) read(q channels.HistoryQuery) (text string, page channels.HistoryPage) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline.Long)
	defer cancel()
	page, err := h.History(ctx, &h.app, diary, q)
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, e := range page.Events {
		data, _, _ := strings.Cut(string(e.Message), `,"serial":"`)
		all = append(all, data[1:])
	}
	return strings.Join(all, " "), page
}

func TestPeers_WhoRecoversOnAnotherNodeMissesNothing(t *testing.T) {
	s := startServer(t)
	a, b := openHouse(t, s.addr()).keeps(), openHouse(t, s.addr()).keeps()
	at := a.recovers("", "")
	one := a.write("one")
	a.write("two")
	b.write("three")
	b.recovers(at.String(), "one two three")
	b.recovers(one.String(), "two three")
	b.recovers("", "two three")
	a.expect("three")
	a.recovers(one.String(), "two three")
	before := time.Now()
	text, page := b.read(channels.HistoryQuery{Limit: 2, Backward: true})
	if text != "three two" || !page.More || page.Events[1].Time.Before(before.Add(-deadline.Long)) || page.Events[1].Time.After(before.Add(time.Second)) {
		t.Errorf("read %s, %+v", text, page)
	}
	if err := a.ClearHistory(t.Context(), &a.app, diary); err != nil {
		t.Fatal(err)
	}
	four := a.write("four")
	for _, h := range []*house{a, b} {
		h.expect("four")
		h.recovers(one.String(), "epoch_changed four")
		h.recovers(four.String(), "")
	}
}

func TestPeers_HistoryOverARestart(t *testing.T) {
	for name, data := range map[string]bool{"with data": true, "empty": false} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			a, b := openHouse(t, s.addr()).keeps(), openHouse(t, s.addr()).keeps()
			old := a.recovers("", "")
			b.recovers("", "")
			a.write("one")
			a.write("two")
			b.expect("two")
			if data {
				ask(t, s.client(), "SAVE")
			}
			s.stop()
			s.start()
			a.write("three")
			b.expect("three")
			a.expect("three")
			want := "epoch_changed three"
			if data {
				want = "epoch_changed two three"
			}
			at := a.recovers(old.String(), want)
			b.recovers(old.String(), want)
			b.write("four")
			a.expect("four")
			b.expect("four") // accepted is not delivered: who joins between the two gets it live
			a.recovers(at.String(), "four")
			b.recovers(at.String(), "four")
		})
	}
}

// A node reads what the log has of a break, and whoever comes meanwhile misses
// nothing either.
func TestPeers_HistoryOverACut(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s.addr())
	a, b := openHouse(t, s.addr()).keeps(), openHouse(t, p.addr()).keeps()
	at := b.recovers("", "")
	a.recovers("", "")
	var all []string
	for i := range 5 {
		p.cut()
		all = append(all, fmt.Sprintf("event-%d", i))
		a.write(all[i])
		a.expect(all[i])
		b.expect(all[i])
		b.recovers(at.String(), strings.Join(all, " "))
		a.recovers(at.String(), strings.Join(all, " "))
	}
}

// A history of more than an answer holds is read in pages.
func TestPeers_ALongHistoryIsReadWhole(t *testing.T) {
	s := startServer(t)
	a := openHouse(t, s.addr()).keeps()
	at := a.recovers("", "")
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprint(i, strings.Repeat("x", 9000)))
		a.write(all[i])
	}
	b := openHouse(t, s.addr()).keeps()
	if _, got := b.recover(at.String()); got != strings.Join(all, " ") {
		t.Errorf("%d bytes", len(got))
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline.Long)
	defer cancel()
	var got []string
	for q := (channels.HistoryQuery{Limit: 100}); ; {
		page, err := b.History(ctx, &b.app, diary, q)
		if err != nil || len(page.Events) == 0 {
			t.Fatalf("read %+v, %v", page, err)
		}
		for _, e := range page.Events {
			data, _, _ := strings.Cut(string(e.Message), `,"serial":"`)
			got = append(got, data[1:])
		}
		if q.After = page.Events[len(page.Events)-1].Serial; !page.More {
			break
		}
	}
	if strings.Join(got, " ") != strings.Join(all, " ") {
		t.Errorf("%d events", len(got))
	}
}
