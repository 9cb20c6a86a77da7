package sockets

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"fanfare/apps"
	"fanfare/channels"
)

// tooLarge is a subscription as pusher-js writes it: the channel comes last.
func tooLarge(channel string, size int) string {
	return `{"event":"pusher:subscribe","data":{"auth":"key:0","channel_data":"` + strings.Repeat("é", size/2) + `","channel":"` + channel + `"}}`
}

func TestMessage_OverTheLimit_IsAnsweredAndTheSocketStays(t *testing.T) {
	const size = 70_000
	tests := map[string]struct{ message, channel string }{
		"subscription":          {tooLarge("presence-x", size), "presence-x"},
		"its data in a string":  {`{"event":"pusher:subscribe","data":"` + strings.Repeat("x", size) + `"}`, ""},
		"its name is too long":  {`{"event":"pusher:subscribe","data":{"channel":"` + strings.Repeat("x", size) + `"}}`, ""},
		"client event":          {`{"event":"client-e","channel":"private-x","data":"` + strings.Repeat("x", size) + `"}`, ""},
		"one byte over":         {strings.Repeat("x", 64<<10+1), ""},
		"just within 16 times":  {strings.Repeat("x", 1<<20), ""},
		"many small strings":    {`{"event":"pusher:subscribe","data":{"channel":"x","a":[` + strings.Repeat(`"",`, size) + `""]}}`, ""},
		"ends within an escape": {`{"a":"` + strings.Repeat("x", size) + `\`, ""},
	}
	links(t, func(h *harness) {
		for name, test := range tests {
			h.Run(name, func(t *testing.T) {
				p := h.dial()
				p.t = t
				p.subscribe("other")
				p.send(test.message)
				p.expect(`"code":null,"message":"The message is larger than 65536 bytes"`)
				if test.channel != "" {
					got := p.expect(`"pusher:subscription_error","channel":"` + test.channel + `"`)
					if !strings.Contains(got, "413") || !strings.Contains(got, "LimitReached") {
						t.Errorf("got %s", got)
					}
				}
				h.publish("other", "still here")
				p.expect("still here")
				p.ping()
			})
		}
	})
}

func TestMessage_OverTheLimit_InFragmentsAndPieces_IsReadToItsEnd(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		message := []byte(tooLarge("presence-x", 300_000))
		var all []byte
		pings := 0
		for op := ws.OpText; len(message) > 0; op = ws.OpContinuation {
			all = append(all, ws.MustCompileFrame(ws.MaskFrame(ws.NewPingFrame([]byte("?"))))...)
			pings++
			n := min(len(message), rand.IntN(40_000)) // breaks characters, too
			f := ws.NewFrame(op, n == len(message), append([]byte(nil), message[:n]...))
			all = append(all, ws.MustCompileFrame(ws.MaskFrame(f))...)
			message = message[n:]
		}
		go func() {
			for len(all) > 0 {
				n := min(len(all), 1+rand.IntN(9000))
				if p.tryWrite(all[:n]) != nil {
					return
				}
				all = all[n:]
			}
		}()
		for range pings {
			if f := p.read(); f.Header.OpCode != ws.OpPong {
				h.Fatalf("got %v %s, want a pong", f.Header.OpCode, f.Payload)
			}
		}
		p.expect(`"code":null`)
		p.expect(`"channel":"presence-x"`)
		p.ping()
	})
}

func TestMessage_OverTheLimit_NothingOfItIsKept(t *testing.T) {
	links(t, func(h *harness) {
		p := h.dial()
		const whole = 1 << 20
		frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(bytes.Repeat([]byte("x"), whole))))
		p.write(frame[:whole/2])
		h.until("half of it was read", func() bool { return h.hub.Stats().BytesReceived >= whole/2 })
		if n := kept(h.server); n > 1<<10 {
			t.Errorf("%d bytes are kept of a message that is too large", n)
		}
		p.write(frame[whole/2:])
		p.expect(`"code":null`)
		if s := h.hub.Stats().Apps[0]; s.BytesReceived != uint64(len(frame)) || s.MessagesReceived != 1 {
			t.Errorf("%d bytes and %d messages count as received of the app, want %d and 1", s.BytesReceived, s.MessagesReceived, len(frame))
		}
	})
}

func TestMessage_FarOverTheLimit_CloseWithTheirCode(t *testing.T) {
	large := func() []byte { return bytes.Repeat([]byte("x"), 70_000) }
	tests := map[string]struct {
		frames [][]byte
		code   int
	}{
		"one byte over 16 times":      {[][]byte{masked(ws.OpText, true, bytes.Repeat([]byte("x"), 1<<20+1))[:14]}, 1009},
		"over it with a last byte":    {[][]byte{masked(ws.OpText, false, bytes.Repeat([]byte("x"), 1<<20)), masked(ws.OpContinuation, true, []byte("x"))}, 1009},
		"fragments without end":       {slicesOf(masked(ws.OpText, false, large()), masked(ws.OpContinuation, false, large()), 16), 1009},
		"bad UTF-8 far into it":       {[][]byte{masked(ws.OpText, true, append(large(), 0xff))}, 1007},
		"bad UTF-8 before it":         {[][]byte{masked(ws.OpText, false, []byte("\xc3")), masked(ws.OpContinuation, true, large())}, 1007},
		"a character without its end": {[][]byte{masked(ws.OpText, true, append(large(), 0xc3))}, 1007},
		"new text inside":             {[][]byte{masked(ws.OpText, false, large()), masked(ws.OpText, true, []byte("x"))}, 1002},
		"large new text inside":       {[][]byte{masked(ws.OpText, false, []byte("x")), masked(ws.OpText, true, large())}, 1002},
		"large continuation":          {[][]byte{masked(ws.OpContinuation, true, large())}, 1002},
		"a close within":              {[][]byte{masked(ws.OpText, false, large()), masked(ws.OpClose, true, ws.NewCloseFrameBody(1000, ""))}, 1000},
	}
	links(t, func(h *harness) {
		for name, test := range tests {
			h.Run(name, func(t *testing.T) {
				p := h.dial()
				p.t = t
				for _, f := range test.frames {
					if p.tryWrite(f) != nil {
						break // the server has seen enough
					}
				}
				p.expectClose(test.code)
			})
		}
	})
}

// slicesOf is first and n times the next.
func slicesOf(first, next []byte, n int) [][]byte {
	all := [][]byte{first}
	for range n {
		all = append(all, next)
	}
	return all
}

func TestMessage_OverTheLimit_TheBoundFollowsTheApp(t *testing.T) {
	linksOf(t, Config{}, func(a *apps.App) { a.Limits.MaxEventBytes = 50 << 10 }, func(h *harness) {
		p := h.dial()
		p.send(`{"event":"pusher:ping","x":"` + strings.Repeat("a", 100<<10) + `"}`)
		p.expect("pusher:pong")
		p.send(`{"event":"pusher:ping","x":"` + strings.Repeat("a", 108<<10) + `"}`)
		p.expect("larger than 110592 bytes")
	})
}

// However a text is cut, the check says what utf8.Valid says of the whole.
func FuzzUTF8Check(f *testing.F) {
	for _, text := range []string{"", "x", "é€🎉", "\xff", "\xc3", "é\xe2\x82", "\xf0\x9f\x8e\x89\x80", "\xed\xa0\x80"} {
		f.Add([]byte(text), uint8(1), uint8(2))
	}
	f.Fuzz(func(t *testing.T, text []byte, a, b uint8) {
		var u utf8Check
		ok := true
		for i, rest := 0, text; len(rest) > 0; i++ {
			n := min(len(rest), 1+int([...]uint8{a, b}[i%2])%7)
			ok = ok && u.take(rest[:n])
			rest = rest[n:]
		}
		if got, want := ok && u.whole(), utf8.Valid(text); got != want {
			t.Errorf("%q is valid: %v, want %v", text, got, want)
		}
	})
}

// FuzzFrames gives a connection the bytes of a client in pieces: it neither
// panics nor keeps more than a message may have.
func FuzzFrames(f *testing.F) {
	masked := func(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrame(f)) }
	f.Add(masked(ws.NewTextFrame([]byte(`{"event":"pusher:ping"}`))), uint16(3))
	f.Add(masked(ws.NewTextFrame(bytes.Repeat([]byte("x"), 5000))), uint16(700))
	f.Add(masked(ws.NewTextFrame(bytes.Repeat([]byte("x"), 70_000))), uint16(4096))
	f.Add(append(masked(ws.NewFrame(ws.OpText, false, bytes.Repeat([]byte("x"), 900))),
		append(masked(ws.NewPingFrame([]byte("?"))), masked(ws.NewFrame(ws.OpContinuation, true, bytes.Repeat([]byte("é"), 900)))...)...), uint16(64))
	f.Add(masked(ws.NewTextFrame([]byte(tooLarge("presence-x", 2000)))), uint16(100))
	f.Fuzz(func(t *testing.T, sent []byte, piece uint16) {
		server, err := New(Config{Loops: 1, Portable: true, MaxMessageBytes: 1 << 10}, channels.New(channels.Config{}))
		if err != nil {
			t.Fatal(err)
		}
		defer server.loops[0].waiter.close()
		app := apps.Default()
		app.ID = "1"
		c := &conn{loop: server.loops[0], lane: server.loops[0].laneOf(&app), link: deadEnd{}, fd: -1, limit: server.messageLimit(&app)}
		c.loop.adopt(c)
		c.open(&Opening{App: &app, Protocol: 7}, webSocket)
		for rest := bytes.Clone(sent); len(rest) > 0 && c.state != connDead; {
			n := min(len(rest), 1+int(piece))
			c.feed(rest[:n])
			rest = rest[n:]
			kept := len(c.in)
			if c.partial != nil {
				kept += len(c.partial.kept)
			}
			if kept > 2<<10+16 {
				t.Fatalf("%d bytes are kept", kept)
			}
		}
	})
}

// deadEnd is a link that writes nothing.
type deadEnd struct{ websocket }

func (deadEnd) flush(*conn)   {}
func (deadEnd) finish(*conn)  {}
func (deadEnd) release(*conn) {}
func (deadEnd) resume(*conn)  {}
func (deadEnd) size() int     { return 0 }

func (deadEnd) address(*conn) netip.Addr { return netip.Addr{} }
