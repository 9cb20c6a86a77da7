package pusherproto_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

// objectOf reads an object with encoding/json. ok is false if b is no object, holds invalid UTF-8, or
// names one of once twice.
func objectOf(b []byte, once ...string) (members map[string]json.RawMessage, ok bool) {
	if !utf8.Valid(b) || !json.Valid(b) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, false
	}
	members = make(map[string]json.RawMessage)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, false
		}
		name := key.(string)
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, false
		}
		if _, dup := members[name]; dup && slices.Contains(once, name) {
			return nil, false
		}
		members[name] = raw
	}
	return members, true
}

// textOf reads a string with encoding/json.
func textOf(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// tooDeep tells whether b may nest deeper than decoders follow, which encoding/json bounds elsewhere.
func tooDeep(b []byte) bool { return bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) > 512 }

func FuzzDecodeMessage(f *testing.F) {
	for _, tt := range badMessages {
		if len(tt.in) < 1<<16 {
			f.Add([]byte(tt.in))
		}
	}
	for _, s := range []string{
		`{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}`,
		`{"event":"client-typing","data":{"x":1},"channel":"private-y"}`,
		"{\"\\u0065vent\":\"\\ud83d\\ude00\\ud800\u2028\",\"data\":[1e400,{\"a\":null}],\"channel\":null}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if tooDeep(in) {
			_, _ = pusherproto.DecodeMessage(in)
			return
		}
		got, err := pusherproto.DecodeMessage(in)
		members, ok := objectOf(in, "event", "channel", "data")
		event, hasEvent := textOf(members["event"])
		if (err == nil) != (ok && hasEvent) {
			t.Fatalf("DecodeMessage(%q) = %v; encoding/json sees an object with an event: %v", in, err, ok && hasEvent)
		}
		if err != nil {
			return
		}
		channel, hasChannel := textOf(members["channel"])
		data, hasData := members["data"]
		want := shown{event, channel, string(data), hasChannel, hasData}
		if diff := cmp.Diff(want, show(got)); diff != "" {
			t.Fatalf("DecodeMessage(%q) (-encoding/json +got):\n%s", in, diff)
		}
		frame := pusherproto.AppendClientEvent(nil, got.Event, got.Channel, got.Data, "7")
		again, err := pusherproto.DecodeMessage(frame)
		if err != nil {
			t.Fatalf("re-encoded as %q: %v", frame, err)
		}
		want.HasChannel = true
		if diff := cmp.Diff(want, show(again)); diff != "" {
			t.Fatalf("re-encoded as %q (-want +got):\n%s", frame, diff)
		}
	})
}

// innerObject undoes what clients may do to data: an object, or a string that holds one.
func innerObject(in []byte) []byte {
	if s, ok := textOf(bytes.TrimLeft(in, " \t\r\n")); ok && utf8.Valid(in) {
		return []byte(s)
	}
	return in
}

func FuzzDecodeSubscribe(f *testing.F) {
	for _, s := range badData {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"auth":"KEY:SIG","channel_data":"{\"user_id\":10}","channel":"presence-x"}`))
	f.Add([]byte(`"{\"channel\":\"a\",\"channel_data\":{}}"`))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := pusherproto.DecodeSubscribe(in)
		if tooDeep(in) {
			return
		}
		members, ok := objectOf(innerObject(in), "channel", "auth", "channel_data")
		channel, hasChannel := textOf(members["channel"])
		if (err == nil) != (ok && hasChannel) {
			t.Fatalf("DecodeSubscribe(%q) = %v; encoding/json sees a channel: %v", in, err, ok && hasChannel)
		}
		if err != nil {
			return
		}
		want := pusherproto.Subscribe{Channel: channel}
		want.Auth, _ = textOf(members["auth"])
		want.ChannelData, want.HasChannelData = textOf(members["channel_data"])
		raw := string(members["channel_data"])
		want.BadChannelData = !want.HasChannelData && raw != "" && raw != "null"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("DecodeSubscribe(%q) (-encoding/json +got):\n%s", in, diff)
		}
		if name, err := pusherproto.DecodeUnsubscribe(in); err == nil && name != channel {
			t.Fatalf("DecodeUnsubscribe(%q) = %q, want %q", in, name, channel)
		}
	})
}

func FuzzDecodeSignin(f *testing.F) {
	for _, s := range badData {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"auth":"KEY:SIG","user_data":"{\"id\":\"7\"}"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := pusherproto.DecodeSignin(in)
		if tooDeep(in) {
			return
		}
		members, ok := objectOf(innerObject(in), "auth", "user_data")
		auth, hasAuth := textOf(members["auth"])
		userData, hasUserData := textOf(members["user_data"])
		ok = ok && hasAuth && hasUserData
		if (err == nil) != ok {
			t.Fatalf("DecodeSignin(%q) = %v; encoding/json sees both strings: %v", in, err, ok)
		}
		if diff := cmp.Diff(pusherproto.Signin{Auth: auth, UserData: userData}, got); ok && diff != "" {
			t.Fatalf("DecodeSignin(%q) (-encoding/json +got):\n%s", in, diff)
		}
		if err != nil {
			return
		}
		var frame struct {
			Data struct {
				UserData string `json:"user_data"`
			}
		}
		if err := json.Unmarshal(pusherproto.AppendSigninSuccess(nil, userData), &frame); err != nil || frame.Data.UserData != userData {
			t.Fatalf("signin_success gives back %q, %v; want %q", frame.Data.UserData, err, userData)
		}
	})
}

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

func FuzzDecodeEvent(f *testing.F) {
	for _, tt := range badEvents {
		if len(tt.body) < 1<<14 {
			f.Add([]byte(tt.body), "")
		}
	}
	f.Add([]byte(`{"name":"e","data":"\u0061\ud800","channels":["a","b"],"channel":"c","socket_id":"1.2","info":"user_count"}`), "")
	f.Add([]byte(`{"data":{"a" : [1, "\" "]}}`), "name=e&channels[]=a&channels[]=b&socket_id=1.2")
	f.Fuzz(func(t *testing.T, body []byte, query string) {
		got, err := pusherproto.DecodeEvent(body, pusherproto.ParseQuery(query), pusherproto.Limits{})
		if err != nil {
			if (err.Code != 400 && err.Code != 413) || err.Message == "" {
				t.Fatalf("DecodeEvent(%q) = %#v", body, err)
			}
			return
		}
		members, ok := objectOf(body, "name", "data", "channel", "channels", "socket_id", "info")
		if !ok {
			t.Fatalf("DecodeEvent(%q) accepts what encoding/json does not", body)
		}
		if name, ok := textOf(members["name"]); ok && got.Name != name {
			t.Fatalf("DecodeEvent(%q).Name = %q, want %q", body, got.Name, name)
		}
		if raw, given := members["data"]; given {
			want := raw
			if raw[0] != '"' {
				var c bytes.Buffer
				if err := json.Compact(&c, raw); err != nil {
					t.Fatal(err)
				}
				want = pusherproto.AppendString(nil, c.String())
			}
			if string(got.Data) != string(want) {
				t.Fatalf("DecodeEvent(%q).Data = %s, want %s", body, got.Data, want)
			}
		}
		checkEvent(t, got)
	})
}

// checkEvent holds an event against what DecodeEvent and DecodeBatch promise.
func checkEvent(t *testing.T, ev pusherproto.Event) {
	t.Helper()
	data, ok := textOf(ev.Data)
	if !ok || !utf8.Valid(ev.Data) {
		t.Fatalf("data is no string literal: %q", ev.Data)
	}
	if size := pusherproto.DataSize(ev.Data); size != len(data) || size > 10240 {
		t.Fatalf("DataSize(%q) = %d, want %d, at most 10240", ev.Data, size, len(data))
	}
	if n := len(ev.Channels); n < 1 || n > 100 {
		t.Fatalf("%d channels", n)
	}
	for i, name := range ev.Channels {
		if _, err := pusherproto.ParseChannel(name, 200); err != nil || slices.Contains(ev.Channels[:i], name) {
			t.Fatalf("channel %q of %q: %v", name, ev.Channels, err)
		}
	}
	if ev.Name == "" || utf8.RuneCountInString(ev.Name) > 200 || strings.HasPrefix(ev.Name, "pusher:") || strings.HasPrefix(ev.Name, "pusher_internal:") {
		t.Fatalf("name %q", ev.Name)
	}
	if ev.HasInfo != (ev.Info != 0) {
		t.Fatalf("Info %b, HasInfo %v", ev.Info, ev.HasInfo)
	}
	var frame struct{ Event, Channel, Data string }
	b := pusherproto.AppendEvent(nil, ev.Name, ev.Channels[0], ev.Data)
	if err := json.Unmarshal(b, &frame); err != nil || frame.Event != ev.Name || frame.Channel != ev.Channels[0] || frame.Data != data {
		t.Fatalf("frame %q reads as %+v, %v", b, frame, err)
	}
}

func FuzzDecodeBatch(f *testing.F) {
	for _, tt := range badBatches {
		f.Add([]byte(tt.body))
	}
	f.Add([]byte(batchOf(goodInBatch, `{"name":"b","channel":"presence-two","data":{"k" : 2},"info":"user_count","socket_id":"1.2"}`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := pusherproto.DecodeBatch(body, pusherproto.Limits{})
		if err != nil {
			if (err.Code != 400 && err.Code != 413) || err.Message == "" || got != nil {
				t.Fatalf("DecodeBatch(%q) = %v, %#v", body, got, err)
			}
			return
		}
		members, ok := objectOf(body, "batch")
		var elements []json.RawMessage
		if !ok || json.Unmarshal(members["batch"], &elements) != nil || len(elements) != len(got) || len(got) > 10 {
			t.Fatalf("DecodeBatch(%q): %d events, encoding/json sees %d", body, len(got), len(elements))
		}
		for i, ev := range got {
			checkEvent(t, ev)
			alone, err := pusherproto.DecodeEvent(elements[i], nil, pusherproto.Limits{})
			if err != nil {
				t.Fatalf("event %d alone: %v", i, err)
			}
			if diff := cmp.Diff(alone, ev); diff != "" {
				t.Fatalf("event %d of %q (-alone +in the batch):\n%s", i, body, diff)
			}
		}
	})
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", `"\/`, "\x00\x1f\x7f", "\u2028\u2029", "é€😀", "\xff\xc0\xaf\xed\xa0\x80", "01234567\"9012345\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		literal := pusherproto.AppendString(nil, s)
		var got string
		if err := json.Unmarshal(literal, &got); err != nil {
			t.Fatalf("AppendString(%q) = %q: %v", s, literal, err)
		}
		if want := string([]rune(s)); got != want {
			t.Fatalf("AppendString(%q) reads as %q, want %q", s, got, want)
		}
		if n := pusherproto.DataSize(literal); n != len(got) {
			t.Fatalf("DataSize(%q) = %d, want %d", literal, n, len(got))
		}
		// The same text one level down, as a member's id.
		var outer struct{ Data string }
		var inner struct {
			UserID string `json:"user_id"`
		}
		if err := json.Unmarshal(pusherproto.AppendMemberRemoved(nil, s, s), &outer); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(outer.Data), &inner); err != nil || inner.UserID != got {
			t.Fatalf("%q reads as %q, %v; want %q", outer.Data, inner.UserID, err, got)
		}
		if strings.ContainsAny(string(literal), "\u2028\u2029") {
			t.Fatalf("line separator unescaped in %q", literal)
		}
	})
}

func FuzzParseSocketID(f *testing.F) {
	shape := regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	for _, s := range []string{"1.2", "0.0", "01.2", "1.", ".1", "1.2.3", "", "9007199254740992.1", "1.2\n", "18446744073709551616.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := pusherproto.ParseSocketID(s)
		if ok != shape.MatchString(s) {
			t.Fatalf("ParseSocketID(%q) ok = %v", s, ok)
		}
		if !id.IsZero() && id.String() != s {
			t.Fatalf("ParseSocketID(%q) = %s", s, id)
		}
	})
}

func FuzzParseChannel(f *testing.F) {
	shape := regexp.MustCompile(`^(?:[A-Za-z0-9_\-=@,.;]{1,200}|#server-to-user-[A-Za-z0-9_\-=@,.;]{1,128})$`)
	for _, s := range []string{"news", "private-", "presence-cache-x", "#server-to-user-7", "#server-to-user-", "a:b", "é", "a\n", strings.Repeat("a", 201)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		kind, err := pusherproto.ParseChannel(name, 200)
		if (err == nil) != shape.MatchString(name) {
			t.Fatalf("ParseChannel(%q): %v", name, err)
		}
		if err != nil {
			if !utf8.ValidString(err.Error()) || err.Error() == "" {
				t.Fatalf("text %q", err.Error())
			}
			return
		}
		if kind != pusherproto.KindOf(name) {
			t.Fatalf("ParseChannel and KindOf differ on %q", name)
		}
		id, isUser := pusherproto.UserOfChannel(name)
		if isUser != kind.UserChannel() || (isUser && pusherproto.UserChannelName(id) != name) {
			t.Fatalf("UserOfChannel(%q) = %q, %v", name, id, isUser)
		}
	})
}
