package pusherproto_test

import (
	"bytes"
	"encoding/json"
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

// halved reports whether a string literal escapes half a surrogate pair, which encoding/json reads as U+FFFD.
func halved(raw json.RawMessage) bool {
	escaped := strings.Count(strings.ToLower(strings.ReplaceAll(string(raw), `\\`, "")), `\ufffd`)
	s, _ := textOf(raw)
	return strings.Count(s, "\ufffd") > escaped+strings.Count(string(raw), "\ufffd")
}

// tooDeep reports whether b may nest deeper than decoders follow, which encoding/json bounds elsewhere.
func tooDeep(b []byte) bool { return bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) > 512 }

func FuzzDecodeMessage(f *testing.F) {
	for _, tt := range badMessages {
		if len(tt.in) < 1<<16 {
			f.Add([]byte(tt.in))
		}
	}
	for _, s := range []string{
		`{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}`,
		`{"event":"client-typing","data":{"x":1},"channel":"private-y"}`, `{"event":""}`,
		`{"event":"\\ud800\\ufffd\ufffd\ud83d\ude00","data":"\ud800"}`,
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
		hasEvent = hasEvent && !halved(members["event"])
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
		if !hasData {
			return // no client event
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
		var frame struct{ Data string }
		if err := json.Unmarshal(pusherproto.AppendSigninSuccess(nil, userData), &frame); err != nil {
			t.Fatal(err)
		}
		var data struct {
			UserData string `json:"user_data"`
		}
		if err := json.Unmarshal([]byte(frame.Data), &data); err != nil || data.UserData != userData {
			t.Fatalf("signin_success gives back %q, %v; want %q", data.UserData, err, userData)
		}
	})
}
