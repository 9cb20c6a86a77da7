package pusherproto_test

import (
	"testing"

	"fanfare/pusherproto"
)

func TestDecodeTold_WhatTheEncodersWrote(t *testing.T) {
	type told struct{ name, data, user string }
	event := func(name, data string) []byte { return pusherproto.AppendEvent(nil, name, "a", []byte(data)) }
	client := func(data, user string) []byte {
		return pusherproto.AppendClientEvent(nil, []byte(`client-"é`), []byte("presence-a"), []byte(data), user)
	}
	at := pusherproto.Serial{Epoch: 7, Offset: 42}
	for name, c := range map[string]struct {
		message []byte
		want    told
	}{
		"event":          {event("e\"\n", `"{\"x\":\"\\u00e9\"}"`), told{"e\"\n", `"{\"x\":\"\\u00e9\"}"`, ""}},
		"with a serial":  {pusherproto.AppendSerialMember(event("e", `"d"`), at), told{"e", `"d"`, ""}},
		"text":           {client(`"hi"`, ""), told{`client-"é`, `"hi"`, ""}},
		"object":         {pusherproto.AppendSerialMember(client(`{"x": [1,"\""]}`, `7"`), at), told{`client-"é`, `"{\"x\": [1,\"\\\"\"]}"`, `7"`}},
		"null":           {client(`null`, "7"), told{`client-"é`, `"null"`, "7"}},
		"like a user id": {client(`{"user_id":"8"}`, ""), told{`client-"é`, `"{\"user_id\":\"8\"}"`, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := pusherproto.DecodeTold(c.message)
			if !ok || (told{got.Name, string(got.Data), got.UserID}) != c.want {
				t.Errorf("%s\ngot %t %q %s %q\nwant %q", c.message, ok, got.Name, got.Data, got.UserID, c.want)
			}
		})
	}
}

func TestDecodeTold_NoMessage_IsRefused(t *testing.T) {
	for _, message := range []string{"", "x", "[]", `{"event":"e"}`, `{"data":"d"}`, `{"event":1,"data":"d"}`, `{"event":"e","data":"d"`, `{"event":"e","event":"e","data":"d"}`} {
		if got, ok := pusherproto.DecodeTold([]byte(message)); ok {
			t.Errorf("%s is %+v", message, got)
		}
	}
}
