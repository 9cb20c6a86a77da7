package httpapi

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddr_OnlyTrustedProxiesAreBelieved(t *testing.T) {
	s := configured(Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, tc := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"},
		{"10.0.0.1:5", nil, "10.0.0.1"},
		{"10.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:5", []string{"1.1.1.1, 198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:5", []string{"nonsense"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"198.51.100.1:4711, 10.0.0.2:80"}, "198.51.100.1"},
		{"10.0.0.1:5", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"10.0.0.1:5", []string{"fe80::1%eth0"}, "fe80::1"},
		{"[::ffff:10.0.0.1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
	} {
		r := &http.Request{RemoteAddr: tc.peer, Header: http.Header{}}
		for _, v := range tc.forwarded {
			r.Header.Add("X-Forwarded-For", v)
		}
		if got := s.clientAddr(r).String(); got != tc.want {
			t.Errorf("%s, %q: got %s, want %s", tc.peer, tc.forwarded, got, tc.want)
		}
	}
}

// Whoever sends thousands of addresses has us read a few.
func TestClientAddr_ThousandsOfHops_AreNotFollowed(t *testing.T) {
	s := configured(Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	r := &http.Request{RemoteAddr: "10.0.0.1:5", Header: http.Header{
		"X-Forwarded-For": {"198.51.100.1" + strings.Repeat(",10.0.0.2", 1700)},
	}}
	if got := s.clientAddr(r).String(); got != "10.0.0.2" {
		t.Errorf("got %s", got)
	}
	if n := testing.AllocsPerRun(10, func() { s.clientAddr(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOverTLS_OwnListener(t *testing.T) {
	s := configured(Config{})
	if !s.overTLS(&http.Request{TLS: &tls.ConnectionState{}}) {
		t.Error("our own TLS was not seen")
	}
	if s.overTLS(&http.Request{Header: http.Header{"X-Forwarded-Proto": {"https"}}}) {
		t.Error("a stranger was believed")
	}
}
