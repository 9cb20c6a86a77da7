package pusherproto_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

func TestRawEvent_BodyIsTheData(t *testing.T) {
	tests := []struct {
		name, channel, socket, body string
		want                        published
	}{
		{"foo", "project-3", "", `{"some":"data"}`, published{Name: "foo", Data: `"{\"some\":\"data\"}"`, Channels: []string{"project-3"}}},
		{"foo", "project-3", "1.2", "", published{Name: "foo", Data: `""`, Channels: []string{"project-3"}, Socket: pusherproto.SocketID{A: 1, B: 2}}},
		{"foo", "project-3", "", "not JSON\n\x00\"\\é", published{Name: "foo", Data: `"not JSON\n\u0000\"\\é"`, Channels: []string{"project-3"}}},
	}
	for _, tt := range tests {
		got, err := pusherproto.RawEvent(tt.name, tt.channel, tt.socket, []byte(tt.body), pusherproto.Limits{})
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		if diff := cmp.Diff(tt.want, publishedOf(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestRawEvent_Refusals(t *testing.T) {
	tests := []struct {
		name, channel, socket, body string
		code                        int
		want                        string
	}{
		{"", "a", "", "d", 400, "Missing required parameter: name"},
		{"\xff", "a", "", "d", 400, "name: is not valid UTF-8"},
		{"pusher:x", "a", "", "d", 400, "name: "},
		{"e", "", "", "d", 400, "channel: invalid channel name: it is empty"},
		{"e", "a b", "", "d", 400, "channel: "},
		{"e", "a", "x", "d", 400, "socket_id: "},
		{"e", "a", "", "\xff", 400, "data: the body is not valid UTF-8"},
		{"e", "a", "", strings.Repeat("a", 10241), 413, "The data content of this event exceeds the allowed maximum (10240 bytes): data has 10241 bytes"},
	}
	for _, tt := range tests {
		_, err := pusherproto.RawEvent(tt.name, tt.channel, tt.socket, []byte(tt.body), pusherproto.Limits{})
		if err == nil || err.Code != tt.code || !strings.HasPrefix(err.Message, tt.want) {
			t.Errorf("RawEvent(%q, %q, %q, %.20q): %v, want %d: %s…", tt.name, tt.channel, tt.socket, tt.body, err, tt.code, tt.want)
		}
	}
	if _, err := pusherproto.RawEvent("e", "a", "", []byte(strings.Repeat("é", 5120)), pusherproto.Limits{}); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
}
