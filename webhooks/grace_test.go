package webhooks

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/channels"
)

// short writes events as "occupied x", "removed x 7".
func short(bodies []string) []string {
	out := []string{}
	for _, b := range bodies {
		b = strings.NewReplacer(`{"name":"`, "", `channel_`, "", `member_`, "", `","channel":"`, " ", `","user_id":"`, " ", `"}`, "").Replace(b)
		out = append(out, b)
	}
	return out
}

func expect(t *testing.T, o *outside, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, short(o.bodies())); diff != "" {
		t.Fatalf("hooks (-want +got)\n%s", diff)
	}
}

// Edge case 170.
func TestGrace_BackInTime_NothingIsSent(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		s.Observe(added("x", "7"))
		pass(time.Second)
		expect(t, o, "occupied x", "added x 7")
		s.Observe(removed("x", "7"))
		s.Observe(vacated("x"))
		pass(2999 * time.Millisecond)
		s.Observe(occupied("x"))
		s.Observe(added("x", "7"))
		pass(time.Hour)
		expect(t, o, "occupied x", "added x 7")
	})
}

func TestGrace_BackTooLate_BothAreSentInOrder(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		s.Observe(added("x", "7"))
		s.Observe(removed("x", "7"))
		s.Observe(vacated("x"))
		pass(3 * time.Second)
		s.Observe(occupied("x"))
		s.Observe(added("x", "7"))
		pass(0)
		expect(t, o, "occupied x", "added x 7", "removed x 7", "vacated x", "occupied x", "added x 7")
	})
}

func TestGrace_CountsFromTheLastLeaving(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		for range 10 {
			s.Observe(vacated("x"))
			pass(2 * time.Second)
			s.Observe(occupied("x"))
		}
		s.Observe(vacated("x"))
		pass(2 * time.Second)
		expect(t, o, "occupied x")
		pass(time.Second)
		expect(t, o, "occupied x", "vacated x")
	})
}

func TestGrace_AnotherUserTakesTheChannelOver(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		s.Observe(added("x", "7"))
		s.Observe(removed("x", "7"))
		s.Observe(vacated("x"))
		s.Observe(occupied("x"))
		s.Observe(added("x", "8"))
		pass(time.Minute)
		expect(t, o, "occupied x", "added x 7", "added x 8", "removed x 7")
	})
}

func TestGrace_None_RemovalsAreSentAtOnce(t *testing.T) {
	o := &outside{}
	during(t, Config{Grace: -1}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		s.Observe(vacated("x"))
		s.Observe(occupied("x"))
		pass(0)
		expect(t, o, "occupied x", "vacated x", "occupied x")
	})
}

func TestGrace_OnlyOneOfThePairIsTold_StillNotTwice(t *testing.T) {
	o := &outside{}
	cfg := Config{Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/", Events: []string{"channel_occupied"}}}}}
	during(t, cfg, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("x"))
		s.Observe(vacated("x"))
		s.Observe(occupied("x"))
		pass(time.Minute)
		expect(t, o, "occupied x")
	})
}

func TestGrace_TooManyWait_TheOldestIsToldEarly(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(vacated("first"))
		n := vacated("x")
		for i := range maxHeld {
			n.Channel = "x" + strconv.Itoa(i)
			s.Observe(n)
		}
		pass(0)
		expect(t, o, "vacated first")
		if held := (*s.tenants.Load())["a"].held.len(); held > maxHeld {
			t.Errorf("%d removals are held", held)
		}
	})
}

func TestDrain_TellsWhatIsHeldBack(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(removed("x", "7"))
		s.Observe(vacated("x"))
		if err := s.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, o, "removed x 7", "vacated x")
		if at := o.seen()[1].at; at != 0 {
			t.Errorf("the drain waited %s", at)
		}
	})
}

// A model: whatever comes and goes, hooks of a subject alternate, begin with
// its coming, end in its true state, and none is sent about an absence that
// was shorter than the grace.
func TestGrace_Model(t *testing.T) {
	const subjects, steps = 8, 2000
	random := rand.New(rand.NewPCG(1, 2))
	o := &outside{}
	during(t, Config{Grace: 100 * time.Millisecond}, o, func(t *testing.T, s *Sender) {
		names := []string{"s", "t", "u", "v", "w", "x", "y", "z"}
		present := make([]bool, subjects)
		told := make([]string, subjects) // what must be sent
		left := make([]time.Time, subjects)
		for range steps {
			i := random.IntN(subjects)
			kind := []channels.NoticeKind{channels.ChannelOccupied, channels.MemberAdded}[i%2]
			if present[i] {
				kind++ // its end
				left[i] = time.Now()
			} else {
				absence := time.Since(left[i])
				if left[i].IsZero() {
					told[i] += "+"
				} else if absence >= 100*time.Millisecond {
					told[i] += "-+"
				}
			}
			n := notice(kind, names[i], "")
			if i%2 == 1 {
				n.UserID = "user"
			}
			s.Observe(n)
			present[i] = !present[i]
			pass(time.Duration(random.IntN(20)) * time.Millisecond)
		}
		pass(time.Second)
		for i := range present {
			if !present[i] && !left[i].IsZero() {
				told[i] += "-"
			}
		}
		got := make([]string, subjects)
		for _, line := range short(o.bodies()) {
			word, rest, _ := strings.Cut(line, " ")
			name, _, _ := strings.Cut(rest, " ")
			sign := "+"
			if word == "vacated" || word == "removed" {
				sign = "-"
			}
			got[slices.Index(names, name)] += sign
		}
		if diff := cmp.Diff(told, got); diff != "" {
			t.Errorf("comings and goings (-want +got)\n%s", diff)
		}
	})
}
