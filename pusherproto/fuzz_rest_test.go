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

func FuzzDecodeEvent(f *testing.F) {
	for _, tt := range badEvents {
		if len(tt.body) < 1<<14 {
			f.Add([]byte(tt.body), "")
		}
	}
	f.Add([]byte(`{"name":"e","data":"\u0061\ud800","channels":["a","b"],"channel":"c","socket_id":"1.2","info":"user_count"}`), "")
	f.Add([]byte(" "), "name=e&channel=a&data=d")
	f.Add([]byte("\ufeff{\"channels\":{\"1\":\"a\"}}"), "name=e&data=d")
	f.Add([]byte(`{"data":{"a" : [1, "\" "]}}`), "name=e&channels[]=a&channels[]=b&socket_id=1.2")
	f.Fuzz(func(t *testing.T, body []byte, query string) {
		got, err := pusherproto.DecodeEvent(body, pusherproto.ParseQuery(query), pusherproto.Limits{})
		if err != nil {
			if (err.Code != 400 && err.Code != 413) || err.Message == "" {
				t.Fatalf("DecodeEvent(%q) = %#v", body, err)
			}
			return
		}
		members, ok := objectOf(unmarked(body), "name", "data", "channel", "channels", "socket_id", "info")
		if !ok && len(bytes.Trim(unmarked(body), " \t\r\n")) > 0 {
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

// unmarked is a body without the byte order mark that may stand before it.
func unmarked(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\ufeff")) }

// elementsOf reads an array, or the values of an object in their order, with encoding/json.
func elementsOf(raw json.RawMessage) (elements []json.RawMessage) {
	d := json.NewDecoder(bytes.NewReader(raw))
	start, _ := d.Token()
	for d.More() {
		if start == json.Delim('{') {
			if _, err := d.Token(); err != nil {
				return nil
			}
		}
		var element json.RawMessage
		if d.Decode(&element) != nil {
			return nil
		}
		elements = append(elements, element)
	}
	return elements
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
	f.Add([]byte("\ufeff" + `{"batch":{"1":` + goodInBatch + `,"0":` + goodInBatch + `}}`))
	f.Add([]byte(batchOf(goodInBatch, `{"name":"b","channel":"presence-two","data":{"k" : 2},"info":"user_count","socket_id":"1.2"}`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := pusherproto.DecodeBatch(body, pusherproto.Limits{})
		if err != nil {
			if (err.Code != 400 && err.Code != 413) || err.Message == "" || got != nil {
				t.Fatalf("DecodeBatch(%q) = %v, %#v", body, got, err)
			}
			return
		}
		members, ok := objectOf(unmarked(body), "batch")
		elements := elementsOf(members["batch"])
		if !ok || len(elements) != len(got) || len(got) > 10 {
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
