package bench

import (
	"strings"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

// audienceOf runs an audience in this process and returns how to command it.
func audienceOf(t *testing.T, a Audience) func(command string) audienceReport {
	t.Helper()
	return childOf[audienceReport](t, a, ServeAudience)
}

// tell publishes the event of a number on the audience's channel.
func tell(t *testing.T, to Target, number uint32) {
	t.Helper()
	s, err := newSession("tell", to, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	q := newInquirer(s.loop, s.target)
	answer, err := q.ask(t.Context(), pusherDialect{}.appendTrigger(nil, s.target, []string{millionChannel}, stamp{seq: number, event: number}, 50, time.Now()))
	if err != nil || answer.status != 200 {
		t.Fatalf("publish: %d %s, %v", answer.status, answer.body, err)
	}
}

func TestAudience_CountsWhatItHears(t *testing.T) {
	to := target(t)
	half := func(from, end int) func(string) audienceReport {
		return audienceOf(t, Audience{
			Hosts: []string{to.Host}, App: to.AppID, Key: to.Key, Secret: to.Secret, Channel: millionChannel,
			From: from, To: end, Number: from, AtOnce: 2, Patience: deadline.Long,
		})
	}
	one, two := half(0, 5), half(5, 12)
	for i, do := range []func(string) audienceReport{one, two} {
		r := do(audienceOpen)
		if want := []int{5, 7}[i]; r.Error != "" || r.Open != want || r.Times.total() != int64(want) {
			t.Fatalf("%+v, want %d open", r, want)
		}
	}
	for number := range uint32(3) {
		one(audienceExpect)
		two(audienceExpect)
		before := time.Now().UnixNano()
		tell(t, to, number)
		if a, b := one(audienceHear), two(audienceHear); a.Times.total() != 5 || b.Times.total() != 7 || a.Times.First < before || b.Times.Last < b.Times.First {
			t.Fatalf("event %d: %+v and %+v", number, a, b)
		}
	}
	if r := one(audienceCount); r.Lost != 0 || r.Duplicated != 0 || r.Reordered != 0 || r.Closed != 0 {
		t.Errorf("%+v", r)
	}
	tell(t, to, 1) // the same again
	one(audienceExpect)
	tell(t, to, 3)
	if r := one(audienceHear); r.Duplicated != 5 || r.Lost != 0 {
		t.Errorf("an event that came twice: %+v", r)
	}
	if r := one("dance"); !strings.Contains(r.Error, `unknown command "dance"`) {
		t.Errorf("an unknown command: %+v", r)
	}
}

func TestAudience_AnEventThatDoesNotCome_IsLost(t *testing.T) {
	to := target(t)
	do := audienceOf(t, Audience{
		Hosts: []string{to.Host}, App: to.AppID, Key: to.Key, Secret: to.Secret, Channel: millionChannel, To: 3, AtOnce: 2, Patience: deadline.Long,
	})
	if r := do(audienceOpen); r.Error != "" || r.Open != 3 {
		t.Fatalf("%+v", r)
	}
	do(audienceExpect)
	if r := do(audienceCount); r.Lost != 3 {
		t.Errorf("%+v, want 3 lost", r)
	}
}
