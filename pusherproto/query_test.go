package pusherproto_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

func TestParseQuery_SplitsOnAmpersandOnly(t *testing.T) {
	type pair = pusherproto.Pair
	tests := []struct {
		in   string
		want pusherproto.Query
	}{
		{"", nil},
		{"a=1", pusherproto.Query{pair{"a", "1", "a", "1"}}},
		{"a=1&b=2", pusherproto.Query{pair{"a", "1", "a", "1"}, pair{"b", "2", "b", "2"}}},
		{"filter_by_prefix=presence-a;b", pusherproto.Query{pair{"filter_by_prefix", "presence-a;b", "filter_by_prefix", "presence-a;b"}}},
		{"a", pusherproto.Query{pair{"a", "", "a", ""}}},
		{"=1", pusherproto.Query{pair{"", "1", "", "1"}}},
		{"&&a=1&", pusherproto.Query{pair{"a", "1", "a", "1"}}},
		{"a=b=c", pusherproto.Query{pair{"a", "b=c", "a", "b=c"}}},
		{"a=x%20y+z", pusherproto.Query{pair{"a", "x y z", "a", "x%20y+z"}}},
		{"a=%2B+%26%3D", pusherproto.Query{pair{"a", "+ &=", "a", "%2B+%26%3D"}}},
		{"a%5B%5D=1&a[]=2", pusherproto.Query{pair{"a[]", "1", "a%5B%5D", "1"}, pair{"a[]", "2", "a[]", "2"}}},
		{"a=%", pusherproto.Query{pair{"a", "%", "a", "%"}}},
		{"a=%4", pusherproto.Query{pair{"a", "%4", "a", "%4"}}},
		{"a=%zz%41", pusherproto.Query{pair{"a", "%zzA", "a", "%zz%41"}}},
		{"a=%c3%BC", pusherproto.Query{pair{"a", "ü", "a", "%c3%BC"}}},
		{"a=%2541", pusherproto.Query{pair{"a", "%41", "a", "%2541"}}},
		{"a+b=1", pusherproto.Query{pair{"a+b", "1", "a+b", "1"}}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, pusherproto.ParseQuery(tt.in)); diff != "" {
			t.Errorf("ParseQuery(%q) (-want +got):\n%s", tt.in, diff)
		}
	}
}

// A query of nothing but separators and names is not taken apart to its end.
func TestParseQuery_OfTooManyParameters_HoldsTheFirst(t *testing.T) {
	q := pusherproto.ParseQuery("first=1&" + strings.Repeat("a&", 8000))
	if v, _ := q.Get("first"); v != "1" || len(q) > 200 {
		t.Errorf("%d parameters, the first is %q", len(q), v)
	}
	if q := pusherproto.ParseQuery(strings.Repeat("&", 8000) + "last=1"); len(q) != 1 {
		t.Errorf("empty parts count: %d parameters", len(q))
	}
}

func TestQuery_Joined(t *testing.T) {
	for raw, want := range map[string]string{
		"info=a,b":                    "a,b",
		"x=1&info=a&info=b":           "a", // the first counts
		"info[]=a&info[]=b":           "a,b",
		"info%5B0%5D=a&info%5B1%5D=b": "a,b",
		"info[1]=b&info[0]=a":         "b,a",
		"info[x]=a&info]=b&[]=c":      "",
		"":                            "",
	} {
		if got := pusherproto.ParseQuery(raw).Joined("info"); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
}

func TestQuery_FirstAndAll(t *testing.T) {
	q := pusherproto.ParseQuery("protocol=7&protocol=3&client=js&empty=")
	if v, ok := q.Get("protocol"); v != "7" || !ok {
		t.Errorf("Get(protocol) = %q, %v; want 7: the first counts", v, ok)
	}
	if v, ok := q.Get("empty"); v != "" || !ok {
		t.Errorf("Get(empty) = %q, %v; want present and empty", v, ok)
	}
	if v, ok := q.Get("Protocol"); v != "" || ok {
		t.Errorf("Get(Protocol) = %q, %v; want absent", v, ok)
	}
	if diff := cmp.Diff([]string{"7", "3"}, q.All("protocol")); diff != "" {
		t.Errorf("All(protocol) (-want +got):\n%s", diff)
	}
	if got := q.All("x"); got != nil {
		t.Errorf("All(x) = %q, want nil", got)
	}
}
