package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"fanfare/config"
	"fanfare/internal/testkit/collector"
	"fanfare/pusherproto"
)

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
)

// post sends a signed request with a caller's trace and returns the status.
func post(t *testing.T, base, secret, path, body string) (status int) {
	t.Helper()
	query := pusherproto.SignRequest("app-key", secret, http.MethodPost, path, nil, []byte(body), time.Now())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path+"?"+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	res, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// seenSpan is what a test looks at of a span.
type seenSpan struct {
	Name, App        string
	Status           int
	Channels, Events any
}

func seenSpans(spans []collector.Span) (seen []seenSpan) {
	for _, s := range spans {
		app, _ := s.Attributes["fanfare.app.id"].(string)
		status, _ := s.Attributes["http.response.status_code"].(int)
		seen = append(seen, seenSpan{s.Name, app, status, s.Attributes["fanfare.channels"], s.Attributes["fanfare.events"]})
	}
	return seen
}

// Calls give the same spans whether a loop answers them or net/http.
func TestServe_Tracing_SpansOfCalls_OverBothRoads(t *testing.T) {
	for _, transport := range []string{"auto", "goroutine"} {
		t.Run(transport, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, before) })
			c := collector.Start(t)
			r := start(t, func(cfg *config.Config) {
				cfg.Sockets.Transport = transport
				cfg.Tracing.Endpoint, cfg.Tracing.ServiceName = c.URL, "rooms"
			})
			const event, name = `{"name":"e","channels":["a","b"],"data":"payload-secret"}`, "POST /apps/:app/events"
			calls := []struct {
				secret, path, body string
				want               seenSpan
			}{
				{config.DefaultSecret, "/apps/app-id/events", event, seenSpan{name, "app-id", 200, 2, 1}},
				{config.DefaultSecret, "/apps/app-id/batch_events", `{"batch":[{"name":"e","channel":"a","data":"1"},{"name":"e","channel":"b","data":"2"}]}`, seenSpan{"POST /apps/:app/batch_events", "app-id", 200, 2, 2}},
				{"wrong-secret", "/apps/app-id/events", event, seenSpan{name, "app-id", 401, nil, nil}},
				{config.DefaultSecret, "/apps/nobody/events", event, seenSpan{name, "", 404, nil, nil}},
				{config.DefaultSecret, "/apps/app-id/nothing", event, seenSpan{"POST", "", 404, nil, nil}},
			}
			var want []seenSpan
			for _, call := range calls {
				if status := post(t, r.at.base(), call.secret, call.path, call.body); status != call.want.Status {
					t.Fatalf("%s: %d", call.path, status)
				}
				want = append(want, call.want)
			}
			spans := c.Wait(t, len(want))
			if diff := cmp.Diff(want, seenSpans(spans)); diff != "" {
				t.Error(diff)
			}
			for _, s := range spans {
				if s.Service != "rooms" || s.Kind != "SERVER" || s.Trace != callersTrace || s.Parent != callersSpan || s.Attributes["url.scheme"] != "http" || s.End.Before(s.Begin) {
					t.Errorf("%+v", s)
				}
			}
			if raw := c.Raw(); strings.Contains(raw, "secret") || strings.Contains(raw, "signature") {
				t.Error("a span has a payload, a secret or a signature")
			}
			_, metricsAddress := r.addresses()
			_, text := get(t, "http://"+metricsAddress+"/metrics")
			if !strings.Contains(text, "\nfanfare_trace_spans_dropped_total{cause=\"export\"} 0\n") || !strings.Contains(text, "\nfanfare_trace_spans_exported_total ") {
				t.Error("spans are not in the metrics")
			}
			r.stop()
			if err := r.ended(t); err != nil {
				t.Error(err)
			}
		})
	}
}

// The attempts of a webhook are spans; the endpoint gets their traceparent and a
// signature that is right.
func TestServe_Tracing_WebhookThatIsTriedAgain(t *testing.T) {
	c := collector.Start(t)
	var n atomic.Int32
	type hook struct{ traceparent, signature, body string }
	hooks := make(chan hook, 8)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hooks <- hook{r.Header.Get("Traceparent"), r.Header.Get("X-Pusher-Signature"), string(body)}
		if n.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(endpoint.Close)
	r := start(t, func(cfg *config.Config) {
		withHook(endpoint.URL + "/path-secret")(cfg)
		cfg.Tracing.Endpoint = c.URL
	})
	client := r.connect(t)
	client.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
	client.expect("subscription_succeeded")
	spans := c.Wait(t, 2)
	for i, status := range []int{502, 200} {
		s, h := spans[i], <-hooks
		if s.Name != "POST webhook" || s.Attributes["http.response.status_code"] != status || s.Attributes["fanfare.webhook.attempt"] != i+1 ||
			s.Attributes["fanfare.events"] != 1 || s.Attributes["server.address"] != "127.0.0.1" || s.Failed != (status == 502) {
			t.Errorf("%+v", s)
		}
		if h.traceparent != "00-"+s.Trace+"-"+s.ID+"-01" || h.signature != pusherproto.SignWebhook(config.DefaultSecret, []byte(h.body)) {
			t.Errorf("%+v of %+v", h, s)
		}
	}
	if !cmp.Equal(spans[1].Linked, []string{spans[0].ID}) || strings.Contains(c.Raw(), "path-secret") {
		t.Errorf("%+v", spans[1])
	}
	r.stop()
	client.closed()
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
}

// A process that the variables of OpenTelemetry set up exports what waits when
// it ends. A collector that is not there does not keep it from ending.
func TestServe_Tracing_ProcessFlushesAtItsEnd(t *testing.T) {
	c := collector.Start(t)
	f, base := process(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_SERVICE_NAME=edge", "OTEL_EXPORTER_OTLP_HEADERS=x-token=abc")
	const calls = 20
	for range calls {
		if status := post(t, base, config.DefaultSecret, "/apps/app-id/events", `{"name":"e","channel":"a","data":"1"}`); status != 200 {
			t.Fatalf("status %d", status)
		}
	}
	f.signal(syscall.SIGTERM)
	if err := f.Wait(); err != nil {
		t.Error(err)
	}
	if spans := c.Spans(); len(spans) != calls || spans[0].Service != "edge" {
		t.Errorf("%d spans: %+v", len(spans), spans)
	}
	if h := c.WaitExports(t, 1); h[0].Get("X-Token") != "abc" {
		t.Errorf("%v", h[0])
	}

	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	f, base = process(t, "FANFARE_TRACING_ENDPOINT="+down.URL)
	if status := post(t, base, config.DefaultSecret, "/apps/app-id/events", `{"name":"e","channel":"a","data":"1"}`); status != 200 {
		t.Fatalf("status %d", status)
	}
	f.signal(syscall.SIGTERM)
	f.line(0, `level=WARN msg="trace spans were dropped" spans=1 reason=`)
	if err := f.Wait(); err != nil {
		t.Error(err)
	}
}

// Tracing that is configured later waits for a restart.
func TestReload_Tracing_NeedsARestart(t *testing.T) {
	r := serveFile(t, oneApp+"}\n")
	out, err := r.reload("tracing: {endpoint: 'http://127.0.0.1:4318', headers: {X-Token: hunter2}, sample_ratio: 0.25}\n" + oneApp + "}\n")
	if err != nil || !strings.Contains(out, "tracing.endpoint: needs a restart") || !strings.Contains(out, "tracing.sample_ratio: needs a restart (still 1)") || strings.Contains(out, "hunter2") {
		t.Errorf("%v\n%s", err, out)
	}
}
