package webhooks

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/internal/account"
)

var keeps = Recent{Deliveries: 3, FailedBytes: 1 << 10}

// last are the deliveries of the only endpoint.
func last(t *testing.T, s *Sender) []Delivery {
	t.Helper()
	all, places := s.Recent(10)
	if len(all) != 1 || places[0] != "http://hooks.test" {
		t.Fatalf("%d endpoints at %q", len(all), places)
	}
	return all[0]
}

func TestRecent_KeepsTheNewestWithoutWhatUsersSent(t *testing.T) {
	during(t, Config{Recent: keeps}, &outside{}, func(t *testing.T, s *Sender) {
		for _, channel := range []string{"a", "b", "c", "d"} {
			s.Observe(occupied(channel))
			pass(time.Second)
		}
		s.Observe(clientEvent("private-x", "client-e", `"hunter2"`))
		pass(time.Second)
		got := last(t, s)
		if len(got) != 3 || got[0].Events[0] != (Told{"client_event", "private-x"}) || got[2].Events[0].Channel != "c" {
			t.Fatalf("got %+v", got)
		}
		if d := got[0]; d.State != Delivered || d.Status != 200 || d.Attempts != 1 || d.EventCount != 1 || d.Replayable || !d.Next.IsZero() {
			t.Errorf("got %+v", d)
		}
	})
}

func TestRecent_WithoutLimits_KeepsNothing(t *testing.T) {
	during(t, Config{}, &outside{}, func(t *testing.T, s *Sender) {
		s.Observe(occupied("a"))
		pass(time.Second)
		if got := last(t, s); got != nil {
			t.Errorf("got %+v", got)
		}
		if _, err := s.Replay(t.Context(), "1"); !errors.Is(err, ErrNoDelivery) {
			t.Errorf("got %v", err)
		}
	})
}

func TestReplay_FailedDelivery_IsSentAsItWasWithTheTimeOfNow(t *testing.T) {
	broken := true
	o := &outside{answer: func(int, *http.Request) (int, error) {
		if broken {
			return 500, nil
		}
		return 200, nil
	}}
	during(t, Config{Recent: keeps}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("a"))
		pass(2 * time.Second)
		if d := last(t, s)[0]; d.State != Retrying || d.Attempts < 2 || d.Next.IsZero() || d.Status != 500 || d.Error == "" || d.Replayable {
			t.Errorf("meanwhile %+v", d)
		}
		pass(10 * time.Minute)
		d := last(t, s)[0]
		if d.State != Failed || !d.Replayable || !d.Next.IsZero() {
			t.Fatalf("got %+v", d)
		}
		if again, err := s.Replay(t.Context(), d.ID); err != nil || again.State != Failed || again.Attempts != d.Attempts+1 || !again.Replayable {
			t.Errorf("while it is down: %+v, %v", again, err)
		}
		broken = false
		o.forget()
		if again, err := s.Replay(t.Context(), d.ID); err != nil || again.State != Delivered || again.Status != 200 || again.Replayable {
			t.Errorf("got %+v, %v", again, err)
		}
		sent := o.seen()
		if len(sent) != 1 || eventsOf(sent[0].body) != `{"name":"channel_occupied","channel":"a"}` || !strings.HasPrefix(sent[0].body, `{"time_ms":`) || sent[0].header.Get("X-Pusher-Signature") == "" {
			t.Errorf("sent %+v", sent)
		}
		if _, err := s.Replay(t.Context(), d.ID); !errors.Is(err, ErrNotReplayable) {
			t.Errorf("once more: %v", err)
		}
	})
}

func TestRecent_FailedBodies_AreBoundedAndTheOldestGo(t *testing.T) {
	o := &outside{answer: func(int, *http.Request) (int, error) { return 500, nil }}
	during(t, Config{Recent: Recent{Deliveries: 3, FailedBytes: 100}}, o, func(t *testing.T, s *Sender) {
		for _, channel := range []string{"first", "second"} { // 60 bytes each
			s.Observe(occupied(channel))
			pass(10 * time.Minute)
		}
		got := last(t, s)
		if len(got) != 2 || !got[0].Replayable || got[1].Replayable || s.recent.bytes > 100 {
			t.Errorf("%d bytes, %+v", s.recent.bytes, got)
		}
	})
}

// Ten thousand apps have an endpoint each.
func TestRecent_DeliveriesOfAllEndpoints_AreBoundedAndTheOldestGo(t *testing.T) {
	held := account.New(0)
	limits := Recent{Deliveries: 50, Bytes: 5 * (attemptedBytes + toldBytes + 4)}
	both := map[string][]Endpoint{"a": {{URL: "http://one.test/"}, {URL: "http://two.test/"}}}
	during(t, Config{Recent: limits, Account: held, Endpoints: both}, &outside{}, func(t *testing.T, s *Sender) {
		for i := range 10 {
			s.Observe(occupied("ch-" + strconv.Itoa(i)))
			pass(time.Second)
		}
		all, _ := s.Recent(50)
		if len(all) != 2 || len(all[0])+len(all[1]) != 5 || all[0][0].Events[0].Channel != "ch-9" || all[1][0].Events[0].Channel != "ch-9" {
			t.Errorf("kept %+v", all)
		}
		kept := held.Bytes()
		change(t, s, Change{})
		pass(time.Minute)
		if freed := kept - held.Bytes(); freed < int64(limits.Bytes) || s.recent.all.Len() != 0 {
			t.Errorf("of %d bytes %d were freed when the endpoints ended, and %d deliveries are left", kept, freed, s.recent.all.Len())
		}
	})
}
