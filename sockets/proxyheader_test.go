package sockets

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// proxyV2 is a header of version 2.
func proxyV2(command, family byte, body string) string {
	head := append([]byte(signatureV2), command, family)
	return string(binary.BigEndian.AppendUint16(head, uint16(len(body)))) + body
}

const (
	tcp4Body = "\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x17\x71" // 192.0.2.7:4711 to 10.0.0.1:6001
	sslValue = "\x20\x00\x05\x01\x00\x00\x00\x00"
)

var tcp6Body = strings.Repeat("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", 2) + "\x12\x67\x17\x71"

func TestProxyHeader_WhatProxiesSend(t *testing.T) {
	for _, tt := range []struct {
		name, header, source string
		secure               bool
	}{
		{"version 1", "PROXY TCP4 192.0.2.7 10.0.0.1 4711 6001\r\n", "192.0.2.7:4711", false},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::1 ::1 4711 6001\r\n", "[2001:db8::1]:4711", false},
		{"version 1, IPv4 in IPv6", "PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 6001\r\n", "192.0.2.7:4711", false},
		{"version 1, the longest", "PROXY TCP6 " + strings.Repeat("ffff:", 7) + "ffff " + strings.Repeat("ffff:", 7) + "ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", false},
		{"version 1, unknown", "PROXY UNKNOWN\r\n", "", false},
		{"version 1, unknown with addresses", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", false},
		{"version 2", proxyV2(0x21, 0x11, tcp4Body), "192.0.2.7:4711", false},
		{"version 2, IPv6", proxyV2(0x21, 0x21, tcp6Body), "[2001:db8::1]:4711", false},
		{"version 2, TLS", proxyV2(0x21, 0x11, tcp4Body+"\x04\x00\x01x"+sslValue), "192.0.2.7:4711", true},
		{"version 2, a proxy without TLS", proxyV2(0x21, 0x11, tcp4Body+"\x20\x00\x05\x00\x00\x00\x00\x00"), "192.0.2.7:4711", false},
		{"version 2, an id of AWS", proxyV2(0x21, 0x11, tcp4Body+"\xea\x00\x03\x01vp"), "192.0.2.7:4711", false},
		{"version 2, of the proxy itself", proxyV2(0x20, 0x00, ""), "", false},
		{"version 2, of the proxy itself, with addresses", proxyV2(0x20, 0x11, tcp4Body), "", false},
		{"version 2, of the proxy itself, of no family there is", proxyV2(0x20, 0xff, "x"), "", false},
		{"version 2, unspecified", proxyV2(0x21, 0x00, "whatever"), "", false},
		{"version 2, a Unix socket", proxyV2(0x21, 0x31, strings.Repeat("\x00", 216)), "", false},
		{"version 2, the longest", proxyV2(0x21, 0x11, tcp4Body+"\x04\x0f\xe1"+strings.Repeat("\x00", 0xfe1)), "192.0.2.7:4711", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, size, err := readProxyHeader([]byte(tt.header + "GET / HTTP/1.1\r\n"))
			if err != nil || size != len(tt.header) || h.secure != tt.secure {
				t.Fatalf("got %+v, %d bytes of %d, %v", h, size, len(tt.header), err)
			}
			if got := h.source; got.IsValid() != (tt.source != "") || got.IsValid() && got != netip.MustParseAddrPort(tt.source) {
				t.Errorf("got %s, want %s", got, tt.source)
			}
			for n := 1; n < len(tt.header); n++ {
				if _, size, err := readProxyHeader([]byte(tt.header[:n])); size != 0 || err != nil {
					t.Fatalf("of %q: %d, %v; more has to come", tt.header[:n], size, err)
				}
			}
		})
	}
}

func TestProxyHeader_WhatNoProxySends(t *testing.T) {
	for text, want := range map[string]error{
		"GET / HTTP/1.1\r\n": errNoProxyHeader,
		"PUT / HTTP/1.1\r\n": errNoProxyHeader,
		"PROXYTCP4 ":         errNoProxyHeader,
		"\x16\x03\x01":       errNoProxyHeader,
		"\r\nGET /":          errNoProxyHeader,
		"PROXY \r\n":         errBadProxyHeader,
		"PROXY \n":           errBadProxyHeader,
		"PROXY TCP4 192.0.2.7 10.0.0.1 4711 6001\n":      errBadProxyHeader,
		"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n":         errBadProxyHeader,
		"PROXY TCP4 192.0.2.7 10.0.0.1 4711 6001 \r\n":   errBadProxyHeader,
		"PROXY TCP4  192.0.2.7 10.0.0.1 4711 6001\r\n":   errBadProxyHeader,
		"PROXY TCP4 2001:db8::1 10.0.0.1 4711 6001\r\n":  errBadProxyHeader,
		"PROXY TCP6 192.0.2.7 ::1 4711 6001\r\n":         errBadProxyHeader,
		"PROXY TCP6 fe80::1%eth0 ::1 4711 6001\r\n":      errBadProxyHeader,
		"PROXY TCP4 192.0.2.07 10.0.0.1 4711 6001\r\n":   errBadProxyHeader,
		"PROXY TCP4 192.0.2.7 10.0.0.1 04711 6001\r\n":   errBadProxyHeader,
		"PROXY TCP4 192.0.2.7 10.0.0.1 65536 6001\r\n":   errBadProxyHeader,
		"PROXY TCP4 192.0.2.7 10.0.0.1 +1 6001\r\n":      errBadProxyHeader,
		"PROXY TCP4 192.0.2.7 nonsense 4711 6001\r\n":    errBadProxyHeader,
		"PROXY UDP4 192.0.2.7 10.0.0.1 4711 6001\r\n":    errBadProxyHeader,
		"PROXY " + strings.Repeat("x", 101):              errBadProxyHeader,
		proxyV2(0x11, 0x11, tcp4Body):                    errBadProxyHeader, // another version
		proxyV2(0x22, 0x11, tcp4Body):                    errBadProxyHeader, // another command
		proxyV2(0x21, 0x12, tcp4Body):                    errBadProxyHeader, // UDP
		proxyV2(0x21, 0x11, tcp4Body[:11]):               errBadProxyHeader,
		proxyV2(0x21, 0x21, tcp4Body):                    errBadProxyHeader,
		proxyV2(0x21, 0x11, tcp4Body+"\x20\x00"):         errBadProxyHeader,
		proxyV2(0x21, 0x11, tcp4Body+"\x20\x00\x05\x01"): errBadProxyHeader,
		proxyV2(0x21, 0x11, strings.Repeat("x", 4<<10)):  errBadProxyHeader,
	} {
		if h, size, err := readProxyHeader([]byte(text)); size != 0 || !errors.Is(err, want) || h != (proxyHeader{}) {
			t.Errorf("%q: got %+v, %d, %v, want %v", text, h, size, err, want)
		}
	}
}

// A header is what it is whatever follows, and no part of it is one.
func FuzzProxyHeader(f *testing.F) {
	for _, seed := range []string{
		"PROXY TCP4 192.0.2.7 10.0.0.1 4711 6001\r\n", "PROXY TCP6 2001:db8::1 ::1 4711 6001\r\n", "PROXY UNKNOWN\r\n",
		proxyV2(0x21, 0x11, tcp4Body+sslValue), proxyV2(0x21, 0x21, tcp6Body), proxyV2(0x20, 0, ""), proxyV2(0x21, 0x31, strings.Repeat("a", 216)),
		"GET / HTTP/1.1\r\n\r\n", signatureV2, "PROXY ",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, size, err := readProxyHeader(b)
		if size < 0 || size > len(b) || size > longestV2 {
			t.Fatalf("%q has a header of %d bytes", b, size)
		}
		if err != nil {
			if size != 0 || h != (proxyHeader{}) {
				t.Fatalf("%q: %+v of %d bytes with %v", b, h, size, err)
			}
			return
		}
		if size == 0 {
			if len(b) >= longestV2 {
				t.Fatalf("%d bytes are not enough", len(b))
			}
			return
		}
		if h.source.Addr().Is4In6() || h.source.Addr().Zone() != "" {
			t.Errorf("%q is of %s", b, h.source)
		}
		again, n, err := readProxyHeader(append(b[:size:size], "\r\nPROXY TCP4 "...))
		if again != h || n != size || err != nil {
			t.Errorf("%q: %+v, with more behind it %+v, %d, %v", b[:size], h, again, n, err)
		}
		for n := range size {
			if _, less, err := readProxyHeader(b[:n]); less != 0 || err != nil {
				t.Fatalf("%q: %d bytes are %d, %v", b[:size], n, less, err)
			}
		}
	})
}
