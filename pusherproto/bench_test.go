package pusherproto_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fanfare/pusherproto"
)

func BenchmarkDecodeMessage(b *testing.B) {
	for name, in := range map[string]string{
		"ping":      `{"event":"pusher:ping","data":{}}`,
		"subscribe": `{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}`,
		"client":    `{"event":"client-typing","data":{"x":1,"text":"` + strings.Repeat("lorem ipsum ", 16) + `"},"channel":"private-y"}`,
		"10KB":      `{"event":"client-a","data":"` + strings.Repeat("lorem ipsum ", 850) + `","channel":"private-y"}`,
		"10KB-utf8": `{"event":"client-a","data":"` + strings.Repeat("привет ", 780) + `","channel":"private-y"}`,
		"10KB-json": `{"event":"client-a","data":[` + strings.Repeat(`{"id":1,"on":true},`, 540) + `0],"channel":"private-y"}`,
	} {
		b.Run(name, func(b *testing.B) {
			msg := []byte(in)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pusherproto.DecodeMessage(msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeSubscribe(b *testing.B) {
	for name, in := range map[string]string{
		"public":   `{"auth":"","channel":"news"}`,
		"presence": `{"auth":"KEY:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80","channel_data":"{\"user_id\":10,\"user_info\":{\"name\":\"Mr. Channels\"}}","channel":"presence-foobar"}`,
	} {
		b.Run(name, func(b *testing.B) {
			data := []byte(in)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pusherproto.DecodeSubscribe(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeChannelData(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pusherproto.DecodeChannelData(`{"user_id":10,"user_info":{"name":"Mr. Channels"}}`, 2048); err != nil {
			b.Fatal(err)
		}
	}
}

func eventBody(bytes, channels int) []byte {
	list := make([]string, channels)
	for i := range list {
		list[i] = fmt.Sprintf(`"channel-%d"`, i)
	}
	return []byte(`{"name":"my-event","channels":[` + strings.Join(list, ",") + `],"data":"{\"text\":\"` + strings.Repeat("x", bytes) + `\"}"}`)
}

func BenchmarkDecodeEvent(b *testing.B) {
	for _, c := range []struct{ bytes, channels int }{{200, 1}, {200, 100}, {10000, 1}} {
		b.Run(fmt.Sprintf("bytes=%d/channels=%d", c.bytes, c.channels), func(b *testing.B) {
			body := eventBody(c.bytes, c.channels)
			query := pusherproto.ParseQuery(vectorAuth)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pusherproto.DecodeEvent(body, query, pusherproto.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeBatch(b *testing.B) {
	body := []byte(batchOf(slices.Repeat([]string{`{"name":"e","channel":"a","data":"` + strings.Repeat("x", 200) + `"}`}, 10)...))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pusherproto.DecodeBatch(body, pusherproto.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequestCheck(b *testing.B) {
	body := eventBody(200, 1)
	for name, r := range map[string]pusherproto.Request{
		"plain": {
			Method: "POST", EscapedPath: "/apps/3/events", Body: body,
			RawQuery: pusherproto.SignRequest(vectorKey, vectorSecret, "POST", "/apps/3/events", nil, body, vectorTime),
		},
		"decoded-path": {
			Method: "GET", EscapedPath: "/apps/3/channels/a%40b",
			RawQuery: pusherproto.SignRequest(vectorKey, vectorSecret, "GET", "/apps/3/channels/a@b", nil, nil, vectorTime),
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Check(vectorSecretOf, vectorTime); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("worst-refusal", func(b *testing.B) {
		r := pusherproto.Request{
			Method: "GET", EscapedPath: "/rt/apps/3/channels/a%40b", PathPrefix: "/rt",
			RawQuery: "C[]=1+2&C[]=3&" + vectorAuth + "&auth_signature=" + strings.Repeat("a", 64),
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := r.Check(vectorSecretOf, vectorTime); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func BenchmarkCheckChannel(b *testing.B) {
	const data = `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`
	const good = "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
	b.ReportAllocs()
	for b.Loop() {
		if !pusherproto.CheckChannel(vectorSecret, good, vectorSocket, "presence-foobar", data, true) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	data := pusherproto.AppendString(nil, `{"text":"`+strings.Repeat("x", 200)+`"}`)
	buf := make([]byte, 0, 4096)
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = pusherproto.AppendEvent(buf[:0], "my-event", "my-channel", data)
		}
	})
	for _, name := range []string{"client event on presence", "member added", "connection established"} {
		i := slices.IndexFunc(encoders, func(e encoder) bool { return e.desc == name })
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = encoders[i].append(buf[:0])
			}
		})
	}
}

func BenchmarkAppendPresenceSucceeded(b *testing.B) {
	for _, n := range []int{1, 100, 10000} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			entries := slices.Values(slices.Repeat([]pusherproto.PresenceEntry{ann}, n))
			buf := pusherproto.AppendPresenceSucceeded(nil, "presence-x", entries, n)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf = pusherproto.AppendPresenceSucceeded(buf[:0], "presence-x", entries, n)
			}
		})
	}
}

// BenchmarkRequestCheck_Refusal is a wrong signature, which anybody may have us
// compute: of the usual query, and of one of 120 parameters that allows one
// reading, or all there are.
func BenchmarkRequestCheck_Refusal(b *testing.B) {
	for name, r := range refusals() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Check(vectorSecretOf, vectorTime); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func refusals() map[string]pusherproto.Request {
	query := func(path string, parameter func(i int) string) pusherproto.Request {
		var extra strings.Builder
		for i := range 120 {
			extra.WriteString(parameter(i) + "&")
		}
		return pusherproto.Request{
			Method: "GET", EscapedPath: path, PathPrefix: "/rt",
			RawQuery: extra.String() + vectorAuth + "&auth_signature=" + strings.Repeat("a", 64),
		}
	}
	const plain, ambiguous = "/apps/3/channels", "/rt/apps/3/channels/a%40b"
	long := strings.Repeat("1", 110)
	return map[string]pusherproto.Request{
		"usual":                {Method: "POST", EscapedPath: "/apps/3/events", RawQuery: vectorAuth + "&body_md5=" + strings.Repeat("0", 32) + "&auth_signature=" + strings.Repeat("a", 64)},
		"plain":                query(plain, func(i int) string { return fmt.Sprintf("c%d=12", i) }),
		"plain-long":           query(plain, func(i int) string { return fmt.Sprintf("c%d=1%s", i, long) }),
		"ambiguous-array":      query(ambiguous, func(int) string { return "C[]=1+2" }),
		"ambiguous-array-long": query(ambiguous, func(int) string { return "C[]=+" + long }),
		"ambiguous-arrays":     query(ambiguous, func(i int) string { return fmt.Sprintf("C%d[]=1+2", i/2) }),
		"ambiguous-escaped":    query(ambiguous, func(int) string { return "%43%5B%5D=%31%31+2" }),
	}
}
