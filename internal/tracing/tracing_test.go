package tracing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"fanfare/internal/testkit/collector"
	"fanfare/internal/testkit/deadline"
)

const (
	theirTrace = "0af7651916cd43dd8448eb211c80319c"
	theirSpan  = "b7ad6b7169203331"
	sampled    = "00-" + theirTrace + "-" + theirSpan + "-01"
	unsampled  = "00-" + theirTrace + "-" + theirSpan + "-00"
)

// open starts a Tracing.
func open(t *testing.T, cfg Config) *Tracing {
	t.Helper()
	noEnvironment(t)
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline.Long)
		defer cancel()
		tr.Close(ctx)
	})
	return tr
}

// collect starts a collector. When the test is over and the collector closed,
// which ends connections to it, no goroutine is left.
func collect(t *testing.T) *collector.Collector {
	t.Helper()
	noLeaks(t)
	return collector.Start(t)
}

func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func noEnvironment(t *testing.T) {
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
		"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL",
	} {
		t.Setenv(name, "")
	}
}

func published() *Call {
	return &Call{
		Signed: true, Method: "POST", Route: "/apps/:app/events", App: "chat", Status: 200, Channels: 3, Events: 1,
		Begun: time.Now(), Took: time.Millisecond,
	}
}

func TestCall_IsASpan_ThatContinuesTheCallersTrace(t *testing.T) {
	c := collect(t)
	tr := open(t, Config{Endpoint: c.URL, SampleRatio: 1})
	call := published()
	call.Traceparent, call.Tracestate, call.Secure = sampled, "a=b", true
	call.Published, call.Accepted = call.Begun.Add(100*time.Microsecond), call.Begun.Add(900*time.Microsecond)
	tr.Call(call)
	spans := c.Wait(t, 2)
	publish, span := spans[0], spans[1]
	if span.Service != "fanfare" || span.Name != "POST /apps/:app/events" || span.Kind != "SERVER" || span.Trace != theirTrace || span.Parent != theirSpan ||
		span.State != "a=b" || span.Failed || span.End.Sub(span.Begin) != time.Millisecond {
		t.Errorf("%+v", span)
	}
	want := map[string]any{
		"http.request.method": "POST", "http.route": "/apps/:app/events", "http.response.status_code": 200, "url.scheme": "https",
		"fanfare.app.id": "chat", "fanfare.channels": 3, "fanfare.events": 1,
	}
	if diff := cmp.Diff(want, span.Attributes); diff != "" {
		t.Error(diff)
	}
	if publish.Name != "publish" || publish.Kind != "INTERNAL" || publish.Trace != theirTrace || publish.Parent != span.ID || publish.End.Sub(publish.Begin) != 800*time.Microsecond {
		t.Errorf("%+v", publish)
	}
}

func TestCall_ThatFailed_SaysSo_AndMethodsAreFew(t *testing.T) {
	c := collect(t)
	tr := open(t, Config{Endpoint: c.URL + "/", SampleRatio: 1, ServiceName: "rooms"})
	tr.Call(&Call{Method: "BREW", Status: 405, Begun: time.Now()})
	tr.Call(&Call{Method: "POST", Status: 503, Begun: time.Now(), Traceparent: "garbage"})
	spans := c.Wait(t, 2)
	if s := spans[0]; s.Service != "rooms" || s.Name != "HTTP" || s.Attributes["http.request.method"] != "_OTHER" || s.Failed || s.Parent != "" {
		t.Errorf("%+v", s)
	}
	if s := spans[1]; s.Name != "POST" || !s.Failed || s.Attributes["error.type"] != "503" || s.Parent != "" {
		t.Errorf("%+v", s)
	}
}

// A caller that signs decides for its trace. Who signs nothing cannot have more
// spans made than the ratio says.
func TestCall_Sampling(t *testing.T) {
	for name, of := range map[string]struct {
		ratio       float64
		traceparent string
		signed      bool
		want        bool
	}{
		"all":                            {1, "", true, true},
		"none":                           {0, "", true, false},
		"none, the caller keeps its own": {0, sampled, true, true},
		"none, nor of a stranger":        {0, sampled, false, false},
		"all, a stranger's":              {1, sampled, false, true},
		"all, but not what is not kept":  {1, unsampled, true, false},
		"all, a stranger's not kept":     {1, unsampled, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := collect(t)
			tr := open(t, Config{Endpoint: c.URL, SampleRatio: of.ratio})
			call := published()
			call.Traceparent, call.Signed = of.traceparent, of.signed
			tr.Call(call)
			ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
			defer cancel()
			tr.Close(ctx)
			if got := len(c.Spans()) == 1; got != of.want {
				t.Errorf("%d spans", len(c.Spans()))
			}
		})
	}
}

// What callers say of their traces stays in memory with the spans that wait: no more
// of it than others have to pass on.
func TestCall_ALongTracestateIsLeftOut(t *testing.T) {
	c := collect(t)
	tr := open(t, Config{Endpoint: c.URL, SampleRatio: 1})
	var states []string
	for length := 252; length >= 251; length-- {
		state := "a=" + strings.Repeat("x", 256) + ",b=" + strings.Repeat("y", length)
		call := published()
		call.Traceparent, call.Tracestate = sampled, state
		tr.Call(call)
		states = append(states, state)
	}
	spans := c.Wait(t, 2)
	if spans[0].State != "" || spans[0].Parent == "" || spans[1].State != states[1] {
		t.Errorf("states of %d and %d characters: %+v", len(states[0]), len(states[1]), spans)
	}
}

func TestAttempt_IsASpan_ThatLinksToTheFirst(t *testing.T) {
	c := collect(t)
	tr := open(t, Config{Endpoint: c.URL, SampleRatio: 1})
	u, _ := url.Parse("https://hooks.example.com/path-secret?token=hunter2")
	first, end := tr.Attempt(&Attempt{App: "chat", Endpoint: 1, URL: u, Number: 1, Events: 5})
	end(503, errors.New("answered 503"))
	second, end := tr.Attempt(&Attempt{App: "chat", Endpoint: 1, URL: u, Number: 2, Events: 5, First: first})
	end(204, nil)
	spans := c.Wait(t, 2)
	failed, sent := spans[0], spans[1]
	if first != "00-"+failed.Trace+"-"+failed.ID+"-01" || second != "00-"+sent.Trace+"-"+sent.ID+"-01" || failed.Trace == sent.Trace {
		t.Errorf("%s of %+v, %s of %+v", first, failed, second, sent)
	}
	want := map[string]any{
		"http.request.method": "POST", "url.scheme": "https", "server.address": "hooks.example.com", "server.port": 443,
		"fanfare.app.id": "chat", "fanfare.webhook.endpoint": 1, "fanfare.webhook.attempt": 1, "fanfare.events": 5,
		"http.response.status_code": 503, "error.type": "503",
	}
	if diff := cmp.Diff(want, failed.Attributes); diff != "" || !failed.Failed || failed.Kind != "CLIENT" {
		t.Errorf("%+v\n%s", failed, diff)
	}
	delete(want, "error.type")
	want["http.response.status_code"], want["fanfare.webhook.attempt"], want["http.request.resend_count"] = 204, 2, 1
	if diff := cmp.Diff(want, sent.Attributes); diff != "" || sent.Failed || !cmp.Equal(sent.Linked, []string{failed.ID}) {
		t.Errorf("%+v\n%s", sent, diff)
	}
	if raw := c.Raw(); strings.Contains(raw, "secret") || strings.Contains(raw, "hunter2") {
		t.Error("the URL is in a span")
	}
}

func TestAttempt_NotKept_SaysSoToTheEndpoint(t *testing.T) {
	c := collect(t)
	tr := open(t, Config{Endpoint: c.URL})
	u, _ := url.Parse("http://127.0.0.1:1/")
	parent, end := tr.Attempt(&Attempt{App: "chat", URL: u, Number: 1})
	end(200, nil)
	if len(parent) != len(unsampled) || !strings.HasSuffix(parent, "-00") {
		t.Errorf("traceparent %q", parent)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
	defer cancel()
	if tr.Close(ctx); len(c.Spans()) > 0 {
		t.Errorf("%+v", c.Spans())
	}
}

func TestNew_TakesTheVariablesOfOpenTelemetry(t *testing.T) {
	noEnvironment(t)
	if tr, err := New(Config{SampleRatio: 1}); tr != nil || err != nil {
		t.Fatalf("without a collector: %v, %v", tr, err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT is not") {
		t.Errorf("error %v", err)
	}
	c := collect(t)
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_HEADERS": "x-token=abc%20d",
		"OTEL_RESOURCE_ATTRIBUTES": "service.name=edge,deployment.environment=test",
	} {
		t.Setenv(name, value)
	}
	t.Setenv("OTEL_SDK_DISABLED", "true")
	if tr, err := New(Config{}); tr != nil || err != nil {
		t.Fatalf("disabled: %v, %v", tr, err)
	}
	t.Setenv("OTEL_SDK_DISABLED", "")
	send := func(cfg Config) collector.Span {
		t.Helper()
		tr, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		tr.Call(published())
		ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
		defer cancel()
		tr.Close(ctx)
		spans := c.Spans()
		return spans[len(spans)-1]
	}
	if s := send(Config{SampleRatio: 1}); s.Service != "edge" {
		t.Errorf("service %q", s.Service)
	}
	t.Setenv("OTEL_SERVICE_NAME", "named")
	if s := send(Config{SampleRatio: 1}); s.Service != "named" {
		t.Errorf("service %q", s.Service)
	}
	if s := send(Config{SampleRatio: 1, ServiceName: "ours", Headers: map[string]string{"X-Token": "ours"}}); s.Service != "ours" {
		t.Errorf("service %q", s.Service)
	}
	headers := c.WaitExports(t, 3)
	if a, b := headers[0].Get("X-Token"), headers[2].Get("X-Token"); a != "abc d" || b != "ours" {
		t.Errorf("tokens %q, %q", a, b)
	}
}

// The exporter would write a list that it cannot read to standard error.
func TestNew_HeadersThatCannotBeRead_AreNotRepeated(t *testing.T) {
	for _, list := range []string{"Bearer hunter2", "a=b,hunter2", "Authorization=hunter2%zz", "Authorization: Bearer=hunter2"} {
		for _, variable := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
			noEnvironment(t)
			t.Setenv(variable, list)
			for _, headers := range []map[string]string{nil, {"X-Token": "ours"}} {
				tr, err := New(Config{Endpoint: "http://127.0.0.1:1", Headers: headers})
				if tr != nil || err == nil || !strings.HasPrefix(err.Error(), variable+" is not a list") || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s=%s: %v, %v", variable, list, tr, err)
				}
			}
		}
	}
	noEnvironment(t)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", " a = b , c=d%20e,")
	open(t, Config{Endpoint: "http://127.0.0.1:1"})
}

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// A collector that takes connections and never answers has no caller wait. What
// is too much is counted; the end does not wait for longer than it may.
func TestCall_DeadCollector_BoundsWhatWaits_AndCountsTheRest(t *testing.T) {
	noLeaks(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	var log lines
	tr := open(t, Config{Endpoint: "http://" + silent.Addr().String() + "/token-secret", SampleRatio: 1, Logger: log.logger()})
	const calls = 3 * mostWaiting
	for range calls {
		tr.Call(published())
	}
	if n := tr.waiting.Load(); n > mostWaiting {
		t.Errorf("%d spans wait", n)
	}
	if s := tr.Stats(); s.NoRoom != calls-mostWaiting || s.Exported != 0 {
		t.Errorf("%+v", s)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	tr.Close(over)
	if s := tr.Stats(); s.NoRoom+s.Failed != calls || tr.waiting.Load() != 0 {
		t.Errorf("%+v, %d wait", s, tr.waiting.Load())
	}
	if text := log.String(); !strings.Contains(text, "trace spans were dropped") || strings.Contains(text, "secret") {
		t.Errorf("log %s", text)
	}
}

// A collector that refuses is told of once a minute.
func TestExport_Refused_IsCounted_AndLoggedOnce(t *testing.T) {
	c := collect(t)
	c.Refuse(http.StatusUnauthorized)
	var log lines
	tr := open(t, Config{Endpoint: c.URL, SampleRatio: 1, Logger: log.logger()})
	for n := 1; n <= 3; n++ {
		tr.Call(published())
		c.WaitExports(t, n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
	defer cancel()
	tr.Close(ctx)
	if s := tr.Stats(); s.Failed != 3 || s.Exported != 0 {
		t.Errorf("%+v", s)
	}
	// The last line, at the end, tells of those since the first.
	text := log.String()
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, `spans=1 reason="401 Unauthorized`) || !strings.Contains(text, "spans=2 ") || strings.Contains(text, c.URL) {
		t.Errorf("log:\n%s", text)
	}
}

// BenchmarkCall is what a call costs that is traced, and one that is not picked.
func BenchmarkCall(b *testing.B) {
	for name, ratio := range map[string]float64{"kept": 1, "not-kept": 0} {
		b.Run(name, func(b *testing.B) {
			c := collector.Start(b)
			tr, err := New(Config{Endpoint: c.URL, SampleRatio: ratio})
			if err != nil {
				b.Fatal(err)
			}
			call := published()
			b.ReportAllocs()
			for b.Loop() {
				tr.Call(call)
			}
			b.StopTimer()
			tr.Close(b.Context())
		})
	}
}
