package bench

import "testing"

func TestRoll_CountsWhatWasToldOutOfTurn(t *testing.T) {
	const added, removed = "pusher_internal:member_added", "pusher_internal:member_removed"
	members := []string{"a", "b", "c"}
	gone := func(member int) bool { return member == 2 }
	all := func(events ...string) *roll {
		r := newRoll(len(members))
		for i := 0; i < len(events); i += 2 {
			r.hear(0, events[i], events[i+1])
		}
		return r
	}
	for _, tt := range []struct {
		desc                    string
		told                    *roll
		wrong, doubled, removed int
	}{
		{"nobody is told", all(), 2, 0, 0}, // a and b take c for there
		{"one of the two is told", all(added, "b", added, "c", removed, "c"), 1, 0, 1},
		{"twice", all(removed, "c", removed, "c"), 1, 1, 2},
		{"and comes back", all(removed, "c", added, "c", removed, "c"), 1, 0, 2},
		{"the wrong one", all(removed, "b"), 3, 0, 1},
		{"the wrong one, and taken back", all(removed, "c", removed, "b", added, "b"), 1, 0, 2},
		{"there twice", all(added, "b", added, "b", removed, "c"), 1, 1, 1},
		{"something else", all("pusher:ping", "c"), 2, 0, 0},
	} {
		if got := tt.told.wrong(members, gone); got != tt.wrong || tt.told.doubled != tt.doubled || tt.told.removed != tt.removed {
			t.Errorf("%s: %d wrong, %d doubled, %d removed, want %d, %d and %d", tt.desc, got, tt.told.doubled, tt.told.removed, tt.wrong, tt.doubled, tt.removed)
		}
	}
}
