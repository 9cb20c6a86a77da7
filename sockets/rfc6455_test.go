package sockets

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/google/go-cmp/cmp"
)

func TestFrames_Violations_CloseWithTheirCode(t *testing.T) {
	masked := func(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }
	first := func(b []byte, first byte) []byte { b[0] = first; return b }
	huge := []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}
	binary.BigEndian.PutUint64(huge[2:], 1<<62)
	closeWith := func(body ...byte) []byte { return masked(ws.NewCloseFrame(body)) }
	tests := map[string]struct {
		bytes []byte
		code  int
	}{
		"unmasked":                        {ws.MustCompileFrame(ws.NewTextFrame([]byte("{}"))), 1002},
		"reserved bit":                    {first(masked(ws.NewTextFrame(nil)), 0xc1), 1002},
		"reserved opcode":                 {first(masked(ws.NewTextFrame(nil)), 0x83), 1002},
		"reserved control opcode":         {first(masked(ws.NewTextFrame(nil)), 0x8b), 1002},
		"continuation of nothing":         {first(masked(ws.NewTextFrame([]byte("x"))), 0x80), 1002},
		"new text inside a fragmented":    {bytes.Repeat(first(masked(ws.NewTextFrame([]byte("x"))), 0x01), 2), 1002},
		"fragmented ping":                 {first(masked(ws.NewPingFrame(nil)), 0x09), 1002},
		"long ping":                       {append([]byte{0x89, 0xfe, 0, 126, 0, 0, 0, 0}, make([]byte, 126)...), 1002},
		"binary":                          {masked(ws.NewBinaryFrame([]byte("x"))), 1003},
		"invalid UTF-8":                   {masked(ws.NewTextFrame([]byte("\xff"))), 1007},
		"announces 2^62 bytes":            {huge, 1009},
		"binary over the limit":           {masked(ws.NewBinaryFrame(make([]byte, 64<<10+1))), 1003},
		"close with one byte":             {closeWith(3), 1002},
		"close 999":                       {closeWith(0x03, 0xe7), 1002},
		"close 1005":                      {closeWith(0x03, 0xed), 1002},
		"close 1006":                      {closeWith(0x03, 0xee), 1002},
		"close 1015":                      {closeWith(0x03, 0xf7), 1002},
		"close with a reason not UTF-8":   {closeWith(0x03, 0xe8, 0xff), 1002},
		"close 1000 is echoed":            {closeWith(0x03, 0xe8), 1000},
		"close without a code is echoed":  {closeWith(), 1000},
		"close 4000 of an app is echoed":  {closeWith(0x0f, 0xa0, 'b', 'y', 'e'), 4000},
		"highest bit of the length":       {[]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, 1002},
		"UTF-8 broken over two fragments": {append(first(masked(ws.NewTextFrame([]byte("\xc3"))), 0x01), first(masked(ws.NewTextFrame([]byte("x"))), 0x80)...), 1007},
	}
	links(t, func(h *harness) {
		for name, test := range tests {
			h.Run(name, func(t *testing.T) {
				p := h.dial()
				p.t = t
				p.write(test.bytes)
				p.expectClose(test.code)
			})
		}
	})
}

func TestFrames_FragmentsAroundAPing_AreOneMessageAndThePongComesAtOnce(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		fragment := func(op ws.OpCode, fin bool, text string) { p.frame(ws.NewFrame(op, fin, []byte(text))) }
		fragment(ws.OpText, false, `{"event":"pusher`)
		fragment(ws.OpContinuation, false, `:ping",`)
		p.frame(ws.NewPingFrame([]byte("é?")))
		got := p.read()
		if diff := cmp.Diff("é?", string(got.Payload)); got.Header.OpCode != ws.OpPong || diff != "" {
			t.Fatalf("opcode %v, payload (-want +got):\n%s", got.Header.OpCode, diff)
		}
		fragment(ws.OpContinuation, true, `"data":{}}`)
		p.expect("pusher:pong")
	})
}

func TestFrames_OneByteAtATime_AreUnderstood(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		for _, b := range ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping"}`)))) {
			p.write([]byte{b})
		}
		p.expect("pusher:pong")
	})
}

func TestFrames_AMessageOfTheLimit_IsTaken(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		p.send(`{"event":"pusher:ping","x":"` + strings.Repeat("a", 64<<10-30) + `"}`)
		p.expect("pusher:pong")
	})
}

func TestFrames_ManyInOneSegment_AreAnsweredInOrder(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		var all []byte
		for i := range 1000 {
			name := "c-" + strings.Repeat("x", i%50) + string(rune('a'+i%26))
			all = append(all, ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:subscribe","data":{"channel":"`+name+`"}}`))))...)
		}
		go func() { _, _ = p.conn.Write(all) }()
		for i := range 1000 {
			name := "c-" + strings.Repeat("x", i%50) + string(rune('a'+i%26))
			p.expect(`"channel":"` + name + `"`)
		}
	})
}

func TestFrames_DataAfterAClose_IsIgnored(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		b := ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))
		b = append(b, ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`{"event":"pusher:ping"}`))))...)
		p.write(b)
		if f := p.read(); f.Header.OpCode != ws.OpClose {
			t.Fatalf("got %v %q", f.Header.OpCode, f.Payload)
		}
	})
}

func TestMessage_Empty_IsAComplaintAndTheConnectionIsKept(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		p.send("")
		p.expect(`"code":null`)
		p.ping()
	})
}

func TestCloseFrame_LongReason_IsCutBetweenCharacters(t *testing.T) {
	for _, reason := range []string{"", "short", strings.Repeat("é", 100), "x" + strings.Repeat("é", 100), strings.Repeat("🎉", 50), strings.Repeat("x", 200)} {
		f := websocket{}.farewellFrame(4009, reason)
		code, got := ws.ParseCloseFrameData(f.Bytes()[2:])
		if code != 4009 || !utf8.ValidString(got) || !strings.HasPrefix(reason, got) || len(got) > 123 || len(got) < min(len(reason), 120) {
			t.Errorf("%q is closed with %d %q", reason, code, got)
		}
	}
}
