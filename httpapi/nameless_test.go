package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

const namelessLine = "a trusted proxy does not send the address of the client"

func trusting(change func(*httpapi.Config)) (testkit.Options, *testkit.Clock) {
	clock := testkit.NewClock(time.Now())
	o := testkit.Options{HTTP: func(c *httpapi.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		if change != nil {
			change(c)
		}
	}}
	o.Hub.Now = clock.Now
	return o, clock
}

func TestNameless_OneWarningPerProxyAndHour(t *testing.T) {
	for header, change := range map[string]func(*httpapi.Config){
		"X-Forwarded-For": nil,
		"Forwarded":       func(c *httpapi.Config) { c.ClientHeader = httpapi.Forwarded },
	} {
		o, clock := trusting(change)
		logged(t, slog.LevelWarn, o, func(t *testing.T, srv *testkit.Server, log *logLines) {
			named := map[string]string{"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7"}[header]
			testkit.Open(t, srv, testkit.Handshake{Header: http.Header{header: {named}}}).Established()
			if lines := log.with(namelessLine); len(lines) != 0 {
				t.Fatalf("a proxy that names its client is warned about: %v", lines)
			}
			for range 3 {
				testkit.Open(t, srv, testkit.Handshake{}).Established()
			}
			log.expect(1, namelessLine, map[string]string{
				"level": "WARN", "reason": "127.0.0.1 sends no " + header,
				"hint": "have it send that header, or name the one that it sends in http.client_address_header; if it passes on bytes and no requests, set http.proxy_protocol; " +
					"if it is not a proxy, remove it from http.trusted_proxies",
			})
			clock.Advance(time.Hour - time.Second)
			testkit.Open(t, srv, testkit.Handshake{}).Established()
			if n := len(log.with(namelessLine)); n != 1 {
				t.Fatalf("%d warnings within an hour", n)
			}
			clock.Advance(time.Second)
			newXHR(t, srv, "app-key/7/open1").poll()
			log.expect(2, namelessLine, map[string]string{"reason": "127.0.0.1 sends no " + header})
		})
	}
}

func TestNameless_WithoutAPROXYHeaderThatMayBeThere(t *testing.T) {
	o, _ := trusting(func(c *httpapi.Config) { c.ProxyHeader = sockets.MayProxyHeader })
	logged(t, slog.LevelWarn, o, func(t *testing.T, srv *testkit.Server, log *logLines) {
		testkit.Open(t, srv, testkit.Handshake{Before: ofVersion2}).Established()
		if lines := log.with(namelessLine); len(lines) != 0 {
			t.Fatalf("a proxy whose PROXY header names the client is warned about: %v", lines)
		}
		testkit.Open(t, srv, testkit.Handshake{}).Established()
		log.expect(1, namelessLine, map[string]string{
			"reason": "127.0.0.1 sends no X-Forwarded-For and no PROXY header with a client address",
			"hint":   "have it send a PROXY header (HAProxy with send-proxy, nginx with proxy_protocol on); if it is not a proxy, remove it from http.trusted_proxies",
		})
	})
}

// Who is not trusted names nobody, and neither does a back end that publishes.
func TestNameless_OthersAreNotWarnedAbout(t *testing.T) {
	o, _ := trusting(nil)
	logged(t, slog.LevelWarn, o, func(t *testing.T, srv *testkit.Server, log *logLines) {
		if status := srv.Post(t, "/events", smallEvent).Status; status != 200 {
			t.Fatalf("an event: %d", status)
		}
		if log.String() != "" {
			t.Errorf("a back end among the trusted addresses: %s", log.String())
		}
	})
	logged(t, slog.LevelWarn, testkit.Options{}, func(t *testing.T, srv *testkit.Server, log *logLines) {
		testkit.Open(t, srv, testkit.Handshake{}).Established()
		if log.String() != "" {
			t.Errorf("a client where no proxy is trusted: %s", log.String())
		}
	})
}
