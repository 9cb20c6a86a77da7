package client

import (
	"bytes"
	"strings"
	"testing"
)

func TestNextFrame_EveryPrefixIsIncomplete(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		want := []byte(strings.Repeat("y", size))
		frame := AppendServerFrame(nil, want)
		op, payload, n, err := NextFrame(append(frame[:len(frame):len(frame)], "more"...))
		if err != nil || op != OpText || n != len(frame) || !bytes.Equal(payload, want) {
			t.Errorf("%d bytes: op %d, %d of %d bytes, %v", size, op, n, len(frame), err)
		}
		for _, cut := range []int{0, 1, 2, 3, 4, 9, 10, len(frame) - 1} {
			if cut >= len(frame) {
				continue
			}
			if _, _, n, err := NextFrame(frame[:cut]); n != 0 || err != nil {
				t.Errorf("%d of %d bytes: a frame of %d, %v", cut, len(frame), n, err)
			}
		}
	}
}

func TestNextFrame_WhatNoServerSends(t *testing.T) {
	for desc, b := range map[string][]byte{
		"fragment":  {0x01, 1, 'a'},
		"extension": {0xc1, 1, 'a'},
		"masked":    {0x81, 0x81, 1, 2, 3, 4, 5},
		"endless":   {0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0},
	} {
		if _, _, _, err := NextFrame(b); err == nil {
			t.Errorf("%s: no error", desc)
		}
	}
}

func FuzzNextFrame(f *testing.F) {
	f.Add([]byte{0x81, 3, 'a', 'b', 'c'})
	f.Add([]byte{0x81, 126, 0, 1, 'a'})
	f.Add([]byte{0x88, 2, 3, 232})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, payload, n, err := NextFrame(b)
		if err == nil && (n > len(b) || len(payload) > n) {
			t.Errorf("a frame of %d bytes with %d of payload in %d bytes", n, len(payload), len(b))
		}
	})
}

func TestHandshake_Check(t *testing.T) {
	h := NewHandshake("localhost:1", "/app/k")
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + string(h.accept) + "\r\n\r\n"
	if n, err := h.Check([]byte(good + "\x81\x00")); n != len(good) || err != nil {
		t.Errorf("%d, %v; want %d", n, err, len(good))
	}
	if n, err := h.Check([]byte(good[:len(good)-1])); n != 0 || err != nil {
		t.Errorf("incomplete: %d, %v", n, err)
	}
	for _, bad := range []string{
		"HTTP/1.1 426 Upgrade Required\r\n\r\n",
		strings.Replace(good, string(h.accept), "AAAA", 1),
		strings.Repeat("x", 70<<10),
	} {
		if _, err := h.Check([]byte(bad)); err == nil {
			t.Errorf("%.40q: no error", bad)
		}
	}
}

func TestReadResponse(t *testing.T) {
	for _, tt := range []struct {
		desc, in, body string
		status         int
		closes         bool
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, false},
		{"lower case", "HTTP/1.1 401 Unauthorized\r\ncontent-length:3\r\nconnection: Close\r\n\r\nabc", "abc", 401, true},
		{"empty", "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", "", 202, false},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, false},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "{}", 200, false},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10;a=b\r\n0\r\n\r\n0123456789a\r\n1\r\n!\r\n0\r\n\r\n", "0\r\n\r\n0123456789a!", 200, false},
	} {
		r, err := ReadResponse([]byte(tt.in))
		if err != nil || r.Status != tt.status || string(r.Body) != tt.body || r.Size != len(tt.in) || r.Closes != tt.closes {
			t.Errorf("%s: %+v, %v", tt.desc, r, err)
		}
		for cut := range len(tt.in) {
			if r, err := ReadResponse([]byte(tt.in[:cut])); r.Size != 0 || err != nil {
				t.Errorf("%s, first %d bytes: %+v, %v", tt.desc, cut, r, err)
			}
		}
	}
	for _, bad := range []string{
		"SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
	} {
		if _, err := ReadResponse([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func FuzzReadResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadResponse(b)
		if err == nil && (r.Size > len(b) || len(r.Body) > r.Size) {
			t.Errorf("%d bytes with a body of %d in %d", r.Size, len(r.Body), len(b))
		}
	})
}
