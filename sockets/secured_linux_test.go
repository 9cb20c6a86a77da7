package sockets

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"

	"fanfare/apps"
	"fanfare/internal/account"
	"fanfare/pusherproto"
)

var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// versionsOf runs a test with a client of each version of TLS, on a loop.
func versionsOf(t *testing.T, cfg Config, change func(*apps.App), test func(h *harness, version uint16)) {
	t.Helper()
	for name, version := range versions {
		t.Run(name, func(t *testing.T) { test(startTLS(t, true, cfg, change), version) })
	}
}

// recordPeer connects a client that makes its records itself.
func (h *harness) recordPeer(version uint16) (*peer, *recordClient) {
	h.Helper()
	tcp, err := net.Dial("tcp", h.listener.Addr().String())
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = tcp.Close() })
	c, err := newRecordClient(tcp, version)
	if err != nil {
		h.Fatal(err)
	}
	p := &peer{t: h.T, conn: c, tcp: tcp.(*net.TCPConn)}
	p.expect(pusherproto.EventConnectionEstablished)
	return p, c
}

// part sends a part of a record, and waits until it is kept.
func (h *harness) part(c *recordClient, b []byte) {
	h.Helper()
	if _, err := c.tcp.Write(b); err != nil {
		h.Fatal(err)
	}
	h.until("a part is kept", func() bool { return h.hub.Account(h.app).BytesOf(account.Messages) > 0 })
}

// secured calls f for each socket over TLS, on its loop.
func (h *harness) secured(f func(c *conn, s *securedLink)) {
	h.Helper()
	for _, l := range h.server.loops {
		h.on(l, func() {
			l.sockets(func(c *conn) bool {
				f(c, c.link.(*securedLink))
				return true
			})
		})
	}
}

var pingFrame = masked(ws.OpText, true, []byte(`{"event":"pusher:ping","data":{}}`))

func TestTLS_RecordsSplitAtEveryByte_AreHandledOnce(t *testing.T) {
	versionsOf(t, Config{}, nil, func(h *harness, version uint16) {
		p, c := h.recordPeer(version)
		for at, size := 1, 2; at < size; at++ {
			record := c.record(recordData, pingFrame)
			size = len(record)
			h.part(c, record[:at])
			p.writeBelow(record[at:])
			p.expect("pusher:pong")
		}
		h.until("nothing is kept", func() bool { return h.hub.Account(h.app).BytesOf(account.Messages) == 0 })
	})
}

// writeBelow sends bytes below TLS.
func (p *peer) writeBelow(b []byte) {
	p.t.Helper()
	if _, err := p.tcp.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// A record may hold a part of a frame, many frames, or both.
func TestTLS_FramesAndRecordsNeedNotMatch(t *testing.T) {
	versionsOf(t, Config{}, nil, func(h *harness, version uint16) {
		p, c := h.recordPeer(version)
		three := bytes.Repeat(pingFrame, 3)
		for at := range three {
			p.writeBelow(append(c.record(recordData, three[:at+1]), c.record(recordData, append(three[at+1:len(three):len(three)], pingFrame...))...))
			for range 4 {
				p.expect("pusher:pong")
			}
		}
	})
}

func TestTLS_NewKeys_AreTakenAndGiven(t *testing.T) {
	for _, asks := range []bool{false, true} {
		for at := range len(keyUpdate(asks)) { // 0 is in one record
			t.Run(fmt.Sprintf("asks=%t/split=%d", asks, at), func(t *testing.T) {
				h := startTLS(t, true, Config{}, nil)
				p, c := h.recordPeer(tls.VersionTLS13)
				for range 3 {
					if at > 0 {
						h.part(c, c.record(recordHandshake, keyUpdate(asks)[:at]))
					}
					p.writeBelow(c.record(recordHandshake, keyUpdate(asks)[at:]))
					c.rekey()
					p.ping()
				}
			})
		}
	}
}

// Who asks for new keys again and again is read in small shares, and so is who
// sends a byte in each record.
func TestTLS_FloodOfRecords_CountsAsFramesDo(t *testing.T) {
	pong := masked(ws.OpPong, true, nil)
	for name, test := range map[string]struct {
		next  func(c *recordClient, i int) []byte
		least func(records int) uint64
		most  func(records int) uint64
	}{
		"new keys": {
			func(c *recordClient, i int) []byte {
				if i%16 == 15 { // crypto/tls allows no more in a row
					return c.record(recordData, pong[i/16%len(pong):][:1])
				}
				b := c.record(recordHandshake, keyUpdate(true))
				c.rekey()
				return b
			},
			func(n int) uint64 { return uint64(n * keysFrames * 3 / 4) },
			func(n int) uint64 { return uint64(n * keysFrames * 2) },
		},
		"a byte in each": {
			func(c *recordClient, i int) []byte { return c.record(recordData, pong[i%len(pong):][:1]) },
			func(n int) uint64 { return uint64(n) },
			func(n int) uint64 { return uint64(2 * n) },
		},
		"a frame in each": {
			func(c *recordClient, _ int) []byte { return c.record(recordData, pong) },
			func(n int) uint64 { return uint64(2 * n) },
			func(n int) uint64 { return uint64(2*n + 1) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := startTLS(t, true, Config{Loops: 1}, nil)
			_, c := h.recordPeer(tls.VersionTLS13)
			records := 0
			var all []byte
			for next := test.next(c, 0); len(all)+len(next) < securedRead; next = test.next(c, records) {
				all = append(all, next...)
				records++
			}
			var got uint64
			h.secured(func(c *conn, s *securedLink) {
				before := c.loop.parsed
				copy(c.loop.buf, all)
				// Cut within a record: what is not whole counts with the rest of it.
				s.take(c, c.loop.buf[:len(all)-10])
				copy(c.loop.buf, all[len(all)-10:])
				s.take(c, c.loop.buf[:10])
				got = c.loop.parsed - before
			})
			if least, most := test.least(records), test.most(records); got < least || got > most {
				t.Errorf("%d records count as %d frames, want %d to %d", records, got, least, most)
			}
		})
	}
}

// Answers to a client that does not read them are bounded.
func TestTLS_WhoAsksForKeysAndDoesNotRead_IsEnded(t *testing.T) {
	h := startTLS(t, true, Config{}, nil)
	p, c := h.recordPeer(tls.VersionTLS13)
	h.secured(func(c *conn, _ *securedLink) {
		_ = unix.SetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096)
	})
	pong := masked(ws.OpPong, true, nil)
	_ = p.tcp.SetWriteDeadline(time.Now().Add(patience))
	for h.server.Sockets() > 0 {
		var some []byte
		for range 64 {
			some = append(some, c.record(recordHandshake, keyUpdate(true))...)
			c.rekey()
			some = append(some, c.record(recordData, pong)...)
		}
		if _, err := p.tcp.Write(some); err != nil {
			break
		}
	}
	h.until("the socket is gone", func() bool { return h.server.Sockets() == 0 })
}

// What ends a connection ends it alone, and says why where TLS has a word for it.
func TestTLS_Ends(t *testing.T) {
	hello := append([]byte{1, 0, 0, 50}, make([]byte, 50)...)
	tests := map[string]struct {
		only  uint16
		do    func(c *recordClient) []byte // what is sent
		tells string
	}{
		"close_notify":      {0, func(c *recordClient) []byte { return c.record(recordAlert, []byte{1, 0}) }, "EOF"},
		"a fatal alert":     {0, func(c *recordClient) []byte { return c.record(recordAlert, []byte{2, 80}) }, "EOF"},
		"a bit turned over": {0, func(c *recordClient) []byte { r := c.record(recordData, pingFrame); r[len(r)-1] ^= 1; return r }, "bad record MAC"},
		"a record repeated": {0, func(c *recordClient) []byte { r := c.record(recordData, pingFrame); return append(r, r...) }, "bad record MAC"},
		"a record too long": {0, func(*recordClient) []byte { return []byte{recordData, 3, 3, 0xff, 0xff} }, "record overflow"},
		"another version":   {0, func(*recordClient) []byte { return []byte{recordData, 3, 9, 0, 20} }, "protocol version"},
		"renegotiation":     {tls.VersionTLS12, func(c *recordClient) []byte { return c.record(recordHandshake, hello) }, "error decoding message"},
		"a second hello":    {tls.VersionTLS13, func(c *recordClient) []byte { return c.record(recordHandshake, hello) }, "error decoding message"},
		"half a message": {tls.VersionTLS13, func(c *recordClient) []byte {
			return append(c.record(recordHandshake, []byte{24, 0}), c.record(recordData, pingFrame)...)
		}, "unexpected message"},
		"a message too long": {tls.VersionTLS13, func(c *recordClient) []byte { return c.record(recordHandshake, []byte{24, 0xff, 0xff, 0xff}) }, "internal error"},
		"empty records": {0, func(c *recordClient) (all []byte) {
			for range 20 {
				all = append(all, c.record(recordData, nil)...)
			}
			return all
		}, "unexpected message"},
		"new keys again and again": {tls.VersionTLS13, func(c *recordClient) (all []byte) {
			for range 20 {
				all = append(all, c.record(recordHandshake, keyUpdate(false))...)
				c.rekey()
			}
			return all
		}, "unexpected message"},
	}
	versionsOf(t, Config{}, nil, func(h *harness, version uint16) {
		other := h.subscribed("news")
		for name, test := range tests {
			if test.only != 0 && test.only != version {
				continue
			}
			h.Run(name, func(t *testing.T) {
				p, c := h.recordPeer(version)
				p.writeBelow(test.do(c))
				_ = c.SetReadDeadline(time.Now().Add(patience))
				var err error
				for err == nil {
					_, err = readFrame(c)
				}
				if !strings.Contains(err.Error(), test.tells) {
					t.Errorf("the client is told %q, want %q", err, test.tells)
				}
				h.until("the other is left", func() bool { return h.server.Sockets() == 1 })
				other.ping()
			})
		}
	})
}

// sniffer keeps what comes.
type sniffer struct {
	net.Conn
	seen []byte
}

func (s *sniffer) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.seen = append(s.seen, b[:n]...)
	return n, err
}

// last is the type of the last record, and the length of what is in it.
func (s *sniffer) last() (kind byte, size int) {
	for b := s.seen; len(b) >= 5; b = b[5+size:] {
		kind, size = b[0], int(binary.BigEndian.Uint16(b[3:]))
	}
	return kind, size
}

// The server's last word is close_notify, whoever closes (RFC 8446 §6.1).
func TestTLS_Closing_EndsWithCloseNotify(t *testing.T) {
	ends := map[string]func(h *harness, p *peer){
		"by the server": func(h *harness, p *peer) {
			h.renew(func(a *apps.App) { a.Enabled = false })
			for p.read().Header.OpCode != ws.OpClose {
			}
		},
		"by the client": func(_ *harness, p *peer) {
			p.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
			p.read()
		},
	}
	versionsOf(t, Config{}, nil, func(h *harness, version uint16) {
		for name, end := range ends {
			h.Run(name, func(t *testing.T) {
				h := startTLS(t, true, Config{}, nil)
				tcp, err := net.Dial("tcp", h.listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				s := &sniffer{Conn: tcp}
				p := &peer{t: t, conn: tls.Client(s, recordTLS(version))}
				defer func() { _ = p.conn.Close() }()
				p.expect(pusherproto.EventConnectionEstablished)
				end(h, p)
				_ = p.conn.SetReadDeadline(time.Now().Add(patience))
				if _, err := p.conn.Read(make([]byte, 1)); err == nil || err.Error() != "EOF" {
					t.Errorf("behind the close frame it reads %v", err)
				}
				kind, size := s.last()
				if is := kind == recordAlert || kind == recordData && size == 2+1+16; !is {
					t.Errorf("the last record is of type %d with %d bytes", kind, size)
				}
			})
		}
	})
}

func TestTLS_ARecordNeverWhole_IsClosedInTime(t *testing.T) {
	versionsOf(t, Config{MessageTimeout: time.Minute}, nil, func(h *harness, version uint16) {
		p, c := h.recordPeer(version)
		h.part(c, c.record(recordData, bytes.Repeat([]byte("x"), mostPlain))[:mostPlain/2])
		h.pass(time.Minute + 2*time.Second)
		p.expect(`"code":4100`)
		if f := p.read(); f.Header.OpCode != ws.OpClose {
			t.Errorf("got frame %+v %q, want a close frame", f.Header, f.Payload)
		}
	})
}

// What is given up of a record leaves memory with the account. The client is still
// told why, and what else it sends means nothing.
func TestTLS_ADroppedRecord_LeavesMemoryAndAccount(t *testing.T) {
	versionsOf(t, Config{}, nil, func(h *harness, version uint16) {
		p, c := h.recordPeer(version)
		record := c.record(recordData, bytes.Repeat([]byte("x"), mostPlain))
		h.part(c, record[:mostPlain/2])
		h.secured(func(c *conn, s *securedLink) {
			c.drop()
			if n := s.records.Cap() + s.messages.Cap() + len(s.come); n != 0 {
				t.Errorf("%d bytes are kept", n)
			}
		})
		if n := h.hub.Account(h.app).BytesOf(account.Messages); n != 0 {
			t.Errorf("%d bytes are counted", n)
		}
		p.writeBelow(record[mostPlain/2:])
		p.expect(`"code":4100`)
		if f := p.read(); f.Header.OpCode != ws.OpClose {
			t.Errorf("got frame %+v %q, want a close frame", f.Header, f.Payload)
		}
		_ = p.tcp.Close()
		h.until("it is gone", func() bool { return h.server.Sockets() == 0 })
	})
}

// A connection whose TLS keeps what cannot be counted has goroutines.
func TestTLS_OfUnknownBuffers_IsNotOnALoop(t *testing.T) {
	versionsOf(t, Config{unknownTLS: true}, nil, func(h *harness, version uint16) {
		p, _ := h.recordPeer(version)
		p.ping()
		for _, l := range h.server.loops {
			h.on(l, func() {
				l.sockets(func(c *conn) bool {
					if _, ok := c.link.(*stream); !ok {
						t.Errorf("its link is a %T", c.link)
					}
					return true
				})
			})
		}
	})
}
