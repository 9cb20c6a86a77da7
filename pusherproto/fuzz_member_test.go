package pusherproto_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"fanfare/pusherproto"
)

func FuzzDecodeChannelData(f *testing.F) {
	for _, s := range badChannelData {
		if len(s) < 1<<12 {
			f.Add(s)
		}
	}
	f.Add(`{"user_id":10,"user_info":{"name":"Mr. Channels"}}`)
	f.Add("{\"user_id\":\"\\\"\u2028\\u0000😀__proto__\",\"user_info\" : [ 1e400 , \"\\\" \\\\\" ]}")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := pusherproto.DecodeChannelData(in, 1024)
		if err != nil {
			if err.Message == "" || (err.Status != 400 && err.Status != 413) {
				t.Fatalf("DecodeChannelData(%q) = %#v", in, err)
			}
			return
		}
		members, ok := objectOf([]byte(in), "user_id", "user_info")
		if !ok {
			t.Fatalf("DecodeChannelData(%q) accepts what encoding/json does not", in)
		}
		id, isText := textOf(members["user_id"])
		if !isText {
			id = string(members["user_id"])
		}
		var info bytes.Buffer
		if raw := members["user_info"]; raw != nil && string(raw) != "null" {
			if err := json.Compact(&info, raw); err != nil {
				t.Fatal(err)
			}
		}
		if got.UserID != id || string(got.UserInfo) != info.String() || len(got.UserInfo) > 1024 {
			t.Fatalf("DecodeChannelData(%q) = %q, %q; want %q, %q", in, got.UserID, got.UserInfo, id, info.String())
		}
		checkMemberFrames(t, got)
	})
}

// checkMemberFrames reads the frames that announce a member the way a client does.
func checkMemberFrames(t *testing.T, m pusherproto.Member) {
	t.Helper()
	var outer struct{ Data string }
	var added struct {
		UserID   string          `json:"user_id"`
		UserInfo json.RawMessage `json:"user_info"`
	}
	frame := pusherproto.AppendMemberAdded(nil, "presence-x", m.UserID, m.UserInfo)
	if err := json.Unmarshal(frame, &outer); err != nil {
		t.Fatalf("%v in %q", err, frame)
	}
	if err := json.Unmarshal([]byte(outer.Data), &added); err != nil {
		t.Fatalf("%v in %q", err, outer.Data)
	}
	if added.UserID != m.UserID || string(added.UserInfo) != string(m.UserInfo) {
		t.Fatalf("member_added says %q, %q; want %q, %q", added.UserID, added.UserInfo, m.UserID, m.UserInfo)
	}
	entries := slices.Values([]pusherproto.PresenceEntry{pusherproto.NewPresenceEntry(m.UserID, m.UserInfo)})
	frame = pusherproto.AppendPresenceSucceeded(nil, "presence-x", entries, 1)
	var list presenceList
	if err := json.Unmarshal(frame, &outer); err != nil {
		t.Fatalf("%v in %q", err, frame)
	}
	if err := json.Unmarshal([]byte(outer.Data), &list); err != nil {
		t.Fatalf("%v in %q", err, outer.Data)
	}
	info, found := list.Presence.Hash[m.UserID]
	if m.UserInfo == nil && string(info) == "null" {
		info = nil
	}
	if !slices.Equal(list.Presence.IDs, []string{m.UserID}) || !found || string(info) != string(m.UserInfo) {
		t.Fatalf("the list says %q, %q; want %q, %q", list.Presence.IDs, info, m.UserID, m.UserInfo)
	}
}

func FuzzDecodeUserData(f *testing.F) {
	for _, s := range badUserData {
		f.Add(s)
	}
	f.Add(`{"id":"12345","user_info":{"name":"Ann"},"watchlist":["7","8","7",5,"\ud83d\ude00"]}`)
	f.Fuzz(func(t *testing.T, in string) {
		got, err := pusherproto.DecodeUserData(in)
		if err != nil {
			if err.Code != pusherproto.CodeUnauthorized || err.Message == "" {
				t.Fatalf("DecodeUserData(%q) = %#v", in, err)
			}
			return
		}
		members, ok := objectOf([]byte(in), "id", "user_info", "watchlist")
		id, isText := textOf(members["id"])
		if !ok || !isText || got.ID != id || !pusherproto.ValidUserID(id) {
			t.Fatalf("DecodeUserData(%q).ID = %q; encoding/json sees %q, %v", in, got.ID, id, ok && isText)
		}
		if name := pusherproto.UserChannelName(id); !pusherproto.KindOf(name).UserChannel() {
			t.Fatalf("%q is no user channel", name)
		}
		var entries []json.RawMessage
		var watched []string
		if json.Unmarshal(members["watchlist"], &entries) == nil {
			for _, raw := range entries {
				if s, ok := textOf(raw); ok && !slices.Contains(watched, s) {
					watched = append(watched, s)
				}
			}
		}
		if got.WatchlistTooLong != (len(watched) > 100) || !slices.Equal(got.Watchlist, watched[:min(len(watched), 100)]) {
			t.Fatalf("DecodeUserData(%q).Watchlist = %q, want %q", in, got.Watchlist, watched)
		}
		if frame := pusherproto.AppendWatchlistEvents(nil, got.Watchlist, got.Watchlist); !json.Valid(frame) {
			t.Fatalf("watchlist events: %q", frame)
		}
	})
}
