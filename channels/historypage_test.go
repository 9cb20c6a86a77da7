package channels

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/pusherproto"
)

func TestHistoryPage_BothWays(t *testing.T) {
	rule := tenEvents
	rule.Events = 7 // the ring is around its end
	d := newDesk(t, kept(rule))
	witness := d.visit()
	witness.subscribes("news")
	var serials []pusherproto.Serial
	for i := range 10 {
		d.publish("news", fmt.Sprint(i))
		d.publish("other", "x")
		_, text := serialOf(witness.got[1+i])
		serial, ok := pusherproto.ParseSerial(text)
		if !ok {
			t.Fatalf("no serial: %q", text)
		}
		serials = append(serials, serial)
		d.passes(time.Second)
	}
	none := pusherproto.Serial{}
	foreign := pusherproto.Serial{Epoch: serials[0].Epoch + 1, Offset: serials[5].Offset}
	for _, tt := range []struct {
		query HistoryQuery
		want  string
		more  bool
	}{
		{HistoryQuery{Limit: 100}, "3456789", false},
		{HistoryQuery{Limit: 7}, "3456789", false},
		{HistoryQuery{Limit: 2}, "34", true},
		{HistoryQuery{Limit: 0}, "", true},
		{HistoryQuery{Limit: -1}, "", true},
		{HistoryQuery{Limit: 2, Backward: true}, "98", true},
		{HistoryQuery{Limit: 100, Backward: true}, "9876543", false},
		{HistoryQuery{Limit: 2, After: serials[4]}, "56", true},
		{HistoryQuery{Limit: 5, After: serials[4]}, "56789", false},
		{HistoryQuery{Limit: 2, After: serials[4], Backward: true}, "98", true},
		{HistoryQuery{Limit: 9, After: serials[9]}, "", false},
		{HistoryQuery{Limit: 9, After: serials[0]}, "3456789", false},
		{HistoryQuery{Limit: 9, Before: serials[5]}, "34", false},
		{HistoryQuery{Limit: 1, Before: serials[5], Backward: true}, "4", true},
		{HistoryQuery{Limit: 9, Before: serials[3]}, "", false},
		{HistoryQuery{Limit: 9, Before: serials[1]}, "", false},
		{HistoryQuery{Limit: 9, After: serials[4], Before: serials[7]}, "56", false},
		{HistoryQuery{Limit: 9, After: serials[4], Before: serials[5]}, "", false},
		{HistoryQuery{Limit: 9, After: serials[7], Before: serials[4]}, "", false},
		{HistoryQuery{Limit: 9, After: foreign}, "3456789", false},
		{HistoryQuery{Limit: 9, Before: foreign}, "", false},
		{HistoryQuery{Limit: 9, Before: pusherproto.Serial{Epoch: serials[0].Epoch}}, "", false},
		{HistoryQuery{Limit: 9, After: pusherproto.Serial{Epoch: serials[0].Epoch, Offset: 1 << 63}}, "", false},
		{HistoryQuery{Limit: 9, After: none, Before: none}, "3456789", false},
	} {
		page, err := d.hub.History(t.Context(), &d.app, "news", tt.query)
		mustNotFail(t, err)
		got := ""
		for _, e := range page.Events {
			i := slices.Index(serials, e.Serial)
			got += fmt.Sprint(i)
			if text := string(e.Message); text != witness.got[1+i] || e.Client || !e.SocketID.IsZero() ||
				!e.Time.Equal(time.Unix(1_700_000_000+int64(i), 0)) {
				t.Errorf("event %d is %+v, %s", i, e, text)
			}
		}
		if got != tt.want || page.More != tt.more || page.At.Epoch != serials[0].Epoch || page.At.Offset < serials[9].Offset {
			t.Errorf("%+v: %q, more %v, at %v; want %q, more %v", tt.query, got, page.More, page.At, tt.want, tt.more)
		}
	}
}

func TestHistoryPage_SaysWhoSentWhat(t *testing.T) {
	rule := tenEvents
	rule.ClientEvents = true
	d := newDesk(t, kept(rule))
	v := d.visit()
	v.joins(room, "7")
	v.says(`{"event":"client-e","channel":%q,"data":{"a":1}}`, room)
	mustNotFail(t, d.hub.Publish(t.Context(), &d.app, pusherproto.Event{Name: "e", Channels: []string{room}, Data: []byte(`"1"`), SocketID: v.ID()}))
	page, err := d.hub.History(t.Context(), &d.app, room, HistoryQuery{Limit: 10})
	if mustNotFail(t, err); len(page.Events) != 2 {
		t.Fatalf("kept %+v", page.Events)
	}
	said, published := page.Events[0], page.Events[1]
	if rest, _ := serialOf(string(said.Message)); !said.Client || said.SocketID != v.ID() || rest != `{"event":"client-e","channel":"`+room+`","data":{"a":1},"user_id":"7"}` {
		t.Errorf("said: %+v %s", said, said.Message)
	}
	if rest, _ := serialOf(string(published.Message)); published.Client || published.SocketID != v.ID() || rest != event(room, "1") {
		t.Errorf("published: %+v %s", published, published.Message)
	}
}

func TestHistoryPage_OfNobodysChannel_IsEmpty(t *testing.T) {
	d := newDesk(t, kept(tenEvents))
	page, err := d.hub.History(t.Context(), &d.app, "news", HistoryQuery{Limit: 10})
	if mustNotFail(t, err); len(page.Events) != 0 || page.More || page.At.Epoch == 0 {
		t.Errorf("kept %+v", page)
	}
	mustNotFail(t, d.hub.ClearHistory(t.Context(), &d.app, "news"))
	d.empty()
}

func TestClearHistory_LeavesNothing_NotWhatOthersKeep(t *testing.T) {
	d := newDesk(t, kept(tenEvents))
	v := d.visit()
	v.subscribes("cache-x")
	d.publishMany("cache-x", 1, 3)
	d.publishMany("other", 1, 3)
	_, middle := serialOf(v.got[2])
	_, last := serialOf(v.got[4])
	mustNotFail(t, d.hub.ClearHistory(t.Context(), &d.app, "cache-x"))
	d.keeps("cache-x")
	d.keeps("other", "1", "2", "3")
	w := d.visit()
	w.subscribes("cache-x") // what it remembers is another matter
	_, now := serialOf(w.got[0])
	w.hearsPlain(succeeded("cache-x"), event("cache-x", "3"))
	d.publish("cache-x", "4")
	for serial, want := range map[string][]string{
		middle: {failed("cache-x", LostEpoch), event("cache-x", "4")},
		last:   {failed("cache-x", LostEpoch), event("cache-x", "4")},
		now:    {event("cache-x", "4")},
	} {
		w := d.visit()
		w.recovers("cache-x", serial)
		w.hearsPlain(append([]string{succeeded("cache-x")}, want...)...)
		w.leaves()
	}
	if got := d.dropped(); !strings.Contains(got, "cleared 3") {
		t.Errorf("dropped: %s", got)
	}
	v.leaves()
	w.leaves()
	d.passes(time.Minute)
	w = d.visit() // nobody was there for a while
	w.recovers("cache-x", middle)
	w.hearsPlain(succeeded("cache-x"), failed("cache-x", LostEpoch), event("cache-x", "4"))
	w.leaves()
	d.passes(time.Hour)
	d.emptyOfHistory()
}
