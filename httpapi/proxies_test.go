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

// Of the headers that tell a client's address, the one that is configured counts.
func TestClientAddr_TheHeaderThatIsConfigured(t *testing.T) {
	for _, tc := range []struct {
		header ClientHeader
		peer   string
		sent   http.Header
		want   string
	}{
		{CFConnectingIP, "10.0.0.1:5", http.Header{"Cf-Connecting-Ip": {"198.51.100.1"}, "X-Forwarded-For": {"192.0.2.9"}}, "198.51.100.1"},
		{CFConnectingIP, "10.0.0.1:5", http.Header{"Cf-Connecting-Ip": {"2001:db8::1"}}, "2001:db8::1"},
		{CFConnectingIP, "10.0.0.1:5", http.Header{"X-Forwarded-For": {"192.0.2.9"}}, "10.0.0.1"},
		{CFConnectingIP, "10.0.0.1:5", http.Header{"Cf-Connecting-Ip": {"198.51.100.1", "198.51.100.2"}}, "10.0.0.1"},
		{CFConnectingIP, "10.0.0.1:5", http.Header{"Cf-Connecting-Ip": {"198.51.100.1, 198.51.100.2"}}, "10.0.0.1"},
		{CFConnectingIP, "192.0.2.1:5", http.Header{"Cf-Connecting-Ip": {"198.51.100.1"}}, "192.0.2.1"},
		{TrueClientIP, "10.0.0.1:5", http.Header{"True-Client-Ip": {"198.51.100.1"}}, "198.51.100.1"},
		{XRealIP, "10.0.0.1:5", http.Header{"X-Real-Ip": {"198.51.100.1"}}, "198.51.100.1"},
		{XForwardedFor, "10.0.0.1:5", http.Header{"Cf-Connecting-Ip": {"198.51.100.1"}, "Forwarded": {"for=198.51.100.2"}}, "10.0.0.1"},

		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1"}, "X-Forwarded-For": {"192.0.2.9"}}, "198.51.100.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {"For=198.51.100.1;proto=https;by=203.0.113.43"}}, "198.51.100.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for="[2001:db8:cafe::17]:4711"`}}, "2001:db8:cafe::17"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for="[2001:db8:cafe::17]"`}}, "2001:db8:cafe::17"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for="198.51.100.1:4711"`}}, "198.51.100.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {"for=192.0.2.9, for=198.51.100.1", "for=10.0.0.2"}}, "198.51.100.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for=192.0.2.9;x="a,for=192.0.2.8;", for=198.51.100.1;host="a;b"`}}, "198.51.100.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1, for=unknown"}}, "10.0.0.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1, for=_hidden, for=10.0.0.2"}}, "10.0.0.2"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1;for=198.51.100.2"}}, "10.0.0.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for=198.51.100.1, for="10.0.0.2`}}, "10.0.0.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for="198.51.100.1\"`}}, "10.0.0.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {""}}, "10.0.0.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1" + strings.Repeat(",for=10.0.0.2", 100)}}, "10.0.0.2"},
		{Forwarded, "192.0.2.1:5", http.Header{"Forwarded": {"for=198.51.100.1"}}, "192.0.2.1"},

		// A quote that the client does not close, in front of what the proxy adds.
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for=", for=198.51.100.1`}}, "198.51.100.1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for=192.0.2.9;x="a\, for="[2001:db8::1]:4711";proto=https`}}, "2001:db8::1"},
		{Forwarded, "10.0.0.1:5", http.Header{"Forwarded": {`for="192.0.2.9, for=198.51.100.1;x="a\"b,", for=10.0.0.2`}}, "198.51.100.1"},
	} {
		s := configured(Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ClientHeader: tc.header})
		if got := s.clientAddr(&http.Request{RemoteAddr: tc.peer, Header: tc.sent}).String(); got != tc.want {
			t.Errorf("%s of %s, %q: got %s, want %s", tc.header, tc.peer, tc.sent, got, tc.want)
		}
	}
}

func TestOverTLS_Forwarded(t *testing.T) {
	s := configured(Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, ClientHeader: Forwarded})
	for _, tc := range []struct {
		peer string
		sent http.Header
		want bool
	}{
		{"10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1;proto=https"}}, true},
		{"10.0.0.1:5", http.Header{"Forwarded": {`for=198.51.100.1;Proto="HTTPS"`}}, true},
		{"10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1;proto=https, for=198.51.100.2;proto=http"}}, false},
		{"10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1"}, "X-Forwarded-Proto": {"https"}}, false},
		{"10.0.0.1:5", http.Header{"Forwarded": {`for=", for=198.51.100.1;proto="https"`}}, true},
		{"192.0.2.1:5", http.Header{"Forwarded": {"for=198.51.100.1;proto=https"}}, false},
	} {
		if got := s.overTLS(&http.Request{RemoteAddr: tc.peer, Header: tc.sent}); got != tc.want {
			t.Errorf("%s, %q: got %v, want %v", tc.peer, tc.sent, got, tc.want)
		}
	}
}

func TestNew_HeaderOfTheClientsAddressThatIsNone(t *testing.T) {
	if _, err := (Config{ClientHeader: "X-Client"}).withDefaults(); err == nil {
		t.Error("it was taken")
	}
}
