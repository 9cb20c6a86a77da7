package pusherproto_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

func TestParseSocketID_Shapes(t *testing.T) {
	type id = pusherproto.SocketID
	tests := []struct {
		in string
		id id
		ok bool
	}{
		{"1234.5678", id{A: 1234, B: 5678}, true},
		{"1.2", id{A: 1, B: 2}, true},
		{"0.5", id{A: 0, B: 5}, true},
		{"9007199254740991.1", id{A: 1<<53 - 1, B: 1}, true},

		// The right shape, but no socket of ours: accepted, matches nothing.
		{"0.0", id{}, true},
		{"01.2", id{}, true},
		{"1.02", id{}, true},
		{"00.1", id{}, true},
		{"9007199254740992.1", id{}, true},
		{"1.18446744073709551617", id{}, true},
		{strings.Repeat("9", 10000) + ".1", id{}, true},

		{"", id{}, false},
		{".", id{}, false},
		{"abc", id{}, false},
		{"1", id{}, false},
		{"1.", id{}, false},
		{".1", id{}, false},
		{"1.2.3", id{}, false},
		{"1..2", id{}, false},
		{"-1.2", id{}, false},
		{"+1.2", id{}, false},
		{"1.2 ", id{}, false},
		{" 1.2", id{}, false},
		{"1.2\n", id{}, false},
		{"1,2", id{}, false},
		{"1.2e3", id{}, false},
		{"0x1.2", id{}, false},
		{"１.２", id{}, false},
	}
	for _, tt := range tests {
		got, ok := pusherproto.ParseSocketID(tt.in)
		if ok != tt.ok {
			t.Errorf("ParseSocketID(%.40q) ok = %v, want %v", tt.in, ok, tt.ok)
		}
		if diff := cmp.Diff(tt.id, got); diff != "" {
			t.Errorf("ParseSocketID(%.40q) (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestSocketID_TextRoundTrips(t *testing.T) {
	for _, id := range []pusherproto.SocketID{{A: 1, B: 2}, {A: 0, B: 7}, {A: 1 << 32, B: 1<<53 - 1}} {
		got, ok := pusherproto.ParseSocketID(id.String())
		if !ok || got != id {
			t.Errorf("ParseSocketID(%q) = %v, %v; want %v", id.String(), got, ok, id)
		}
		if got := string(pusherproto.AppendSocketID([]byte("x"), id)); got != "x"+id.String() {
			t.Errorf("AppendSocketID = %q, want %q", got, "x"+id.String())
		}
		if id.IsZero() {
			t.Errorf("%v is zero", id)
		}
	}
	if !(pusherproto.SocketID{}).IsZero() {
		t.Error("the zero id is not zero")
	}
	if got, want := (pusherproto.SocketID{A: math.MaxUint64, B: math.MaxUint64}).String(), "18446744073709551615.18446744073709551615"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}
