package pusherproto_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

func TestDecodeUserData_WhatCounts(t *testing.T) {
	tests := []struct {
		desc, in string
		want     pusherproto.User
	}{
		{"id only", `{"id":"7"}`, pusherproto.User{ID: "7"}},
		{
			"all", `{"id":"7","user_info":{"name":"Ann"},"watchlist":["8","9"]}`,
			pusherproto.User{ID: "7", UserInfo: []byte(`{"name":"Ann"}`), Watchlist: []string{"8", "9"}},
		},
		{"whole set", `{"id":"azAZ09_-=@,.;"}`, pusherproto.User{ID: "azAZ09_-=@,.;"}},
		{"128 characters", `{"id":"` + strings.Repeat("a", 128) + `"}`, pusherproto.User{ID: strings.Repeat("a", 128)}},
		{"user_info null", `{"id":"7","user_info":null}`, pusherproto.User{ID: "7"}},
		{"user_info compact", `{"id":"7","user_info":{ "a" : 1 }}`, pusherproto.User{ID: "7", UserInfo: []byte(`{"a":1}`)}},
		{
			"watchlist: own id stays, repeats and non-strings go", `{"id":"7","watchlist":["8",9,"7",null,"8",["x"],{"y":1},"9"]}`,
			pusherproto.User{ID: "7", Watchlist: []string{"8", "7", "9"}},
		},
		{"watchlist empty", `{"id":"7","watchlist":[]}`, pusherproto.User{ID: "7"}},
		{"watchlist no array", `{"id":"7","watchlist":"8"}`, pusherproto.User{ID: "7"}},
		{"watchlist null", `{"id":"7","watchlist":null}`, pusherproto.User{ID: "7"}},
		{"unknown members", `{"x":{"id":5},"id":"7"}`, pusherproto.User{ID: "7"}},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := pusherproto.DecodeUserData(tt.in)
			if err != nil {
				t.Fatalf("DecodeUserData(%s): %v", tt.in, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("DecodeUserData(%s) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

// watchlist returns n distinct ids as they stand in JSON and as a slice.
func watchlist(n int) (text string, ids []string) {
	quoted := make([]string, n)
	ids = make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("u%d", i)
		quoted[i] = `"` + ids[i] + `"`
	}
	return "[" + strings.Join(quoted, ",") + "]", ids
}

func TestDecodeUserData_WatchlistOfMoreThan100_KeepsTheFirst(t *testing.T) {
	hundred, ids := watchlist(100)
	more, _ := watchlist(101)
	repeats := strings.TrimSuffix(hundred, "]") + `,"u0","u99",5]`
	tests := []struct {
		desc, list string
		tooLong    bool
	}{
		{"100", hundred, false},
		{"101", more, true},
		{"100 and repeats", repeats, false},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			got, err := pusherproto.DecodeUserData(`{"id":"7","watchlist":` + tt.list + `}`)
			if err != nil {
				t.Fatal(err)
			}
			want := pusherproto.User{ID: "7", Watchlist: ids, WatchlistTooLong: tt.tooLong}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// badUserData is refused with 4009.
var badUserData = []string{
	``, `x`, `null`, `[]`, `"7"`, `{`, `{}`, `{"id":7}`, `{"id":""}`, `{"id":null}`, `{"id":true}`, `{"id":["7"]}`, `{"ID":"7"}`,
	`{"id":"a b"}`, `{"id":"a:b"}`, `{"id":"ü"}`, `{"id":"a/b"}`, `{"id":"\u0000"}`, `{"id":"7","id":"8"}`, `{"id":"7"}}`,
	"{\"id\":\"7\xff\"}", `{"id":"7","watchlist":[}`, `{"id":"7","watchlist":["8"}`, `{"id":"` + strings.Repeat("a", 129) + `"}`,
}

func TestDecodeUserData_UnusableIs4009(t *testing.T) {
	for _, in := range badUserData {
		got, err := pusherproto.DecodeUserData(in)
		if err == nil || err.Code != pusherproto.CodeUnauthorized {
			t.Errorf("DecodeUserData(%.100s) = %+v, %v; want 4009", in, got, err)
		}
	}
}

func TestDecodeUserData_Limit(t *testing.T) {
	of := func(n int) string { return `{"id":"7","x":"` + strings.Repeat("a", n-len(`{"id":"7","x":""}`)) + `"}` }
	if _, err := pusherproto.DecodeUserData(of(32 << 10)); err != nil {
		t.Errorf("exactly 32 KB: %v", err)
	}
	if _, err := pusherproto.DecodeUserData(of(32<<10 + 1)); err == nil || err.Code != pusherproto.CodeUnauthorized {
		t.Errorf("32 KB and a byte: %v, want 4009", err)
	}
}
