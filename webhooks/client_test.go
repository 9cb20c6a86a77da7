package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/apps"
	"fanfare/internal/testkit/deadline"
	"fanfare/pusherproto"
)

// received starts an endpoint on the loopback interface and returns what it
// gets.
func received(t *testing.T, answer http.HandlerFunc) (url string, requests chan *http.Request, bodies chan string) {
	t.Helper()
	requests, bodies = make(chan *http.Request, 100), make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the body: %v", err)
		}
		requests <- r
		bodies <- string(b)
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hooks?x=1", requests, bodies
}

// Edge cases 166 and 174, and the signature over the bytes as sent.
func TestRequest_HeadersAndSignature(t *testing.T) {
	noLeaks(t)
	url, requests, bodies := received(t, nil)
	s := newTest(t, Config{Endpoints: map[string][]Endpoint{"a": {{
		URL: url,
		Headers: map[string]string{
			"content-type": "text/plain", "X-Pusher-Key": "forged", "x-pusher-signature": "forged", "Content-Length": "1",
			"Connection": "close", "X-Token": "abc", "user-agent": "mine", "Host": "virtual.test",
		},
	}}}}, nil)
	stop := run(t, s)
	s.Observe(occupied("x"))
	r, body := <-requests, <-bodies
	stop()
	for name, want := range map[string]string{
		"Content-Type":       "application/json",
		"X-Pusher-Key":       "a-key", // of several, the oldest
		"X-Pusher-Signature": pusherproto.SignWebhook("7ad3773142a6692b25b8", []byte(body)),
		"Accept":             "application/json",
		"X-Token":            "abc",
		"User-Agent":         "mine",
		"Idempotency-Key":    "",
		"Connection":         "",
	} {
		if got := strings.Join(r.Header.Values(name), "|"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if r.Method != http.MethodPost || r.RequestURI != "/hooks?x=1" || r.Host != "virtual.test" {
		t.Errorf("%s %s of host %s", r.Method, r.RequestURI, r.Host)
	}
	if eventsOf(body) != `{"name":"channel_occupied","channel":"x"}` {
		t.Errorf("body %s", body)
	}
}

func testClient(t *testing.T, p Policy, timeout time.Duration) *client {
	t.Helper()
	c := newClient(p, timeout, false)
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

func (c *client) postTo(t *testing.T, raw string) error {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.post(t.Context(), u, http.Header{}, apps.Key{Key: "k", Secret: "s"}, []byte(`{}`), "")
	return err
}

func TestRequest_RedirectIsAFailure_AndNotFollowed(t *testing.T) {
	var followed atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		url, _, _ := received(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if err := testClient(t, AnyTarget, deadline.Long).postTo(t, url); err == nil || err.Error() != fmt.Sprintf("answered %d", status) {
			t.Errorf("%d: error %v", status, err)
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

func TestRequest_EndlessAnswer_IsNotRead(t *testing.T) {
	url, _, _ := received(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 32<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if err := testClient(t, AnyTarget, deadline.Long).postTo(t, url); err != nil {
		t.Errorf("a long answer with status 200: %v", err)
	}
}

func TestRequest_NoAnswer_EndsWithTheTimeout(t *testing.T) {
	url, _, _ := received(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	err := testClient(t, AnyTarget, 50*time.Millisecond).postTo(t, url)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("error %v", err)
	}
}

// HTTP/2 keeps a connection after an attempt on it timed out. One that a
// firewall forgot must not take the attempts of five minutes with it.
func TestRequest_ConnectionDiesInSilence_AnotherIsMade(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	secret, trust := web.TLS.Clone(), web.Client().Transport.(*http.Transport).TLSClientConfig
	web.Close()
	secret.NextProtos = []string{"h2"}
	synctest.Test(t, func(t *testing.T) {
		network := &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{TLSConfig: secret, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 {
				t.Errorf("asked in %s", r.Proto)
			}
		})}
		ended := make(chan error, 1)
		go func() { ended <- server.ServeTLS(network, "", "") }()
		c := testClient(t, AnyTarget, 10*time.Second)
		defer func() {
			c.http.CloseIdleConnections()
			_ = server.Close()
			<-ended
		}()
		transport := c.http.Transport.(*http.Transport)
		transport.TLSClientConfig = trust
		var first *mute
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			client, conn := net.Pipe()
			network.conns <- conn
			if first == nil {
				first = &mute{Conn: client}
				return first, nil
			}
			return client, nil
		}
		if err := c.postTo(t, "https://example.com/"); err != nil {
			t.Fatal(err)
		}
		first.on.Store(true)
		failed := 0
		for c.postTo(t, "https://example.com/") != nil {
			if failed++; failed > 3 { // the retries of five minutes are some ten
				t.Fatalf("%d attempts in a row failed", failed)
			}
		}
		if failed == 0 {
			t.Error("the connection was not lost")
		}
	})
}

// memory is a listener whose connections are handed to it.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.conns:
		return conn, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error { m.once.Do(func() { close(m.closed) }); return nil }

func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

// mute is a connection that, once it is on, loses what is written to it.
type mute struct {
	net.Conn
	on atomic.Bool
}

func (m *mute) Write(b []byte) (int, error) {
	if m.on.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

func TestRequest_ErrorsNameNoURL(t *testing.T) {
	err := testClient(t, AnyTarget, deadline.Long).postTo(t, "http://user:hunter2@127.0.0.1:1/hunter2?token=hunter2")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

// A name may mean a public address when it is checked and a private one when
// it is called: what counts is the address of the connection.
func TestRequest_NameThatLeadsInside_IsRefusedAtTheConnection(t *testing.T) {
	var reached atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer s.Close()
	named := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	if _, err := CheckTarget(named, PublicTargets); err != nil {
		t.Fatalf("a name is not refused before it is resolved: %v", err)
	}
	err := testClient(t, PublicTargets, deadline.Long).postTo(t, named)
	if err == nil || !strings.Contains(err.Error(), "is not a public address") {
		t.Errorf("error %v", err)
	}
	if reached.Load() {
		t.Error("the private address was called")
	}
}

func TestPublicTargets(t *testing.T) {
	for address, public := range map[string]bool{
		"8.8.8.8":            true,
		"1.1.1.1":            true,
		"172.15.0.1":         true,
		"100.63.0.1":         true,
		"2606:4700::1111":    true,
		"0.0.0.0":            false,
		"10.1.2.3":           false,
		"100.64.0.1":         false,
		"127.0.0.1":          false,
		"127.9.9.9":          false,
		"169.254.169.254":    false, // where clouds hand out credentials
		"172.16.0.1":         false,
		"172.31.255.255":     false,
		"192.0.0.8":          false,
		"192.168.1.1":        false,
		"198.18.0.1":         false,
		"203.0.113.1":        false,
		"224.0.0.1":          false,
		"240.0.0.1":          false,
		"255.255.255.255":    false,
		"::":                 false,
		"::1":                false,
		"::127.0.0.1":        false,
		"::ffff:127.0.0.1":   false,
		"::ffff:8.8.8.8":     true,
		"fe80::1":            false,
		"fe80::1%eth0":       false,
		"fec0::1":            false,
		"fc00::1":            false,
		"fd12:3456::1":       false,
		"ff02::1":            false,
		"64:ff9b::7f00:1":    false, // an IPv4 address inside, behind NAT64
		"2002:7f00:1::":      false, // and behind 6to4
		"2001::1":            false,
		"2001:db8::1":        false,
		"2001:4860:4860::44": true,
	} {
		if err := PublicTargets(netip.MustParseAddr(address)); (err == nil) != public {
			t.Errorf("%s: %v, public is %t", address, err, public)
		}
	}
}

func TestCheckTarget(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://example.com/hooks":        true,
		"http://example.com:8080/a?b=c#d":  true,
		"http://8.8.8.8/":                  true,
		"http://127.0.0.1/":                false,
		"http://127.0.0.1:6379/":           false,
		"http://[::1]/":                    false,
		"http://[fe80::1%25eth0]/":         false,
		"http://10.0.0.1/":                 false,
		"http://user:pw@192.168.0.1/":      false,
		"gopher://example.com/":            false,
		"file:///etc/passwd":               false,
		"http:example.com":                 false,
		"//example.com":                    false,
		"":                                 false,
		"http://":                          false,
		"http://:80/":                      false,
		"http://exa mple.com/":             false,
		"http://[::1":                      false,
		"http://169.254.169.254/latest/m":  false,
		"http://[::ffff:169.254.169.254]/": false,
	} {
		u, err := CheckTarget(raw, PublicTargets)
		if (err == nil) != ok {
			t.Errorf("%q: %v, want accepted %t", raw, err, ok)
		}
		if err == nil && u.Fragment != "" {
			t.Errorf("%q kept its fragment", raw)
		}
	}
	u, err := CheckTarget("http://127.0.0.1:3000/hooks", AnyTarget)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("http://127.0.0.1:3000/hooks", u.String()); diff != "" {
		t.Error(diff)
	}
}
