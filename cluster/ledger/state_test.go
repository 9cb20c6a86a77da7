package ledger

import (
	"testing"
	"time"
)

func TestList_OccupiedChannelsOfTheApp(t *testing.T) {
	d := newDesk(t).opened(A, B)
	channel := func(app, name string) Subject { return Subject{Channel, app, name} }
	d.do(A, 1, on(3, "anna", "bert"), hold(channel("app", "b"), 1), hold(channel("app", "a"), 2), hold(channel("other", "a"), 1), hold(anna, 1), event(news, time.Minute))
	d.do(B, 1, hold(channel("app", "a"), 5), hold(channel("app", "bb"), 1))
	a := d.ask(List{App: "app"}).Channels
	want := []Totals{{Name: "a", Sockets: 7}, {Name: "b", Sockets: 1}, {Name: "bb", Sockets: 1}, {Name: "presence-room", Sockets: 3, Users: 2}}
	if d := diff(want, a); d != "" {
		t.Error(d)
	}
	if d := diff(want[1:3], d.ask(List{App: "app", Prefix: "b"}).Channels); d != "" {
		t.Error(d)
	}
	if got := d.ask(List{App: "none"}).Channels; got != nil {
		t.Error(got)
	}
	d.strike(B)
	if d := diff([]Totals{{Name: "b", Sockets: 1}}, d.ask(List{App: "app", Prefix: "b"}).Channels); d != "" {
		t.Error(d)
	}
}

func TestDescribe(t *testing.T) {
	d := newDesk(t).opened(A, B)
	d.do(A, 1, on(2, "bert", "anna"), event(news, time.Minute))
	d.do(B, 1, on(1, "anna"))
	for _, c := range []struct {
		subject Subject
		totals  Totals
		members []string
	}{
		{room, Totals{Name: "presence-room", Sockets: 3, Users: 2}, []string{"bert", "anna"}},
		{news, Totals{Name: "cache-news", Cached: &CachedEvent{Seq: 4, Origin: Origin{A, 3}, Payload: []byte(`{"data":"1"}`), DataFrom: 8, DataTo: 11, TTL: 60_000}}, nil},
		{anna, Totals{Name: "anna"}, nil},
	} {
		a := d.ask(Describe{c.subject})
		if d := diff([]Totals{c.totals}, a.Channels); d != "" {
			t.Error(d)
		}
		if d := diff(c.members, a.Members); d != "" {
			t.Error(d)
		}
	}
}
