// Package collector is an OpenTelemetry collector for tests: it takes what comes
// over OTLP/HTTP, in protobuf, and shows the spans.
package collector

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"fanfare/internal/testkit/deadline"
)

// Span is a span as it came.
type Span struct {
	Service           string
	Name, Kind        string // kind: SERVER, CLIENT, INTERNAL
	Trace, ID, Parent string // in hex; Parent is "" for the first of a trace
	State             string
	Linked            []string // ids of spans
	Failed            bool
	Attributes        map[string]any
	Begin, End        time.Time
}

// Collector takes spans. Make one with Start.
type Collector struct {
	URL string

	mu      sync.Mutex
	spans   []Span
	headers []http.Header
	raw     strings.Builder
	status  int
	changed chan struct{} // closed and replaced at each export
}

// Start starts a collector that ends with the test.
func Start(t testing.TB) *Collector {
	c := &Collector{status: http.StatusOK, changed: make(chan struct{})}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent traces.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s of %s: %v", r.Method, r.URL, r.Header.Get("Content-Type"), err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.WriteHeader(c.take(r.Header, &sent, body))
	}))
	t.Cleanup(s.Close)
	c.URL = s.URL
	return c
}

// Refuse has the collector answer exports with a status and keep nothing.
func (c *Collector) Refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

func (c *Collector) take(header http.Header, sent *traces.ExportTraceServiceRequest, body []byte) (status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.headers = append(c.headers, header)
	if c.status != http.StatusOK {
		return c.status
	}
	c.raw.Write(body)
	for _, of := range sent.ResourceSpans {
		service, _ := attributes(of.Resource.GetAttributes())["service.name"].(string)
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, read(service, s))
			}
		}
	}
	return c.status
}

func read(service string, s *trace.Span) Span {
	out := Span{
		Service: service, Name: s.Name, Kind: strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"),
		Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId), State: s.TraceState,
		Failed: s.Status.GetCode() == trace.Status_STATUS_CODE_ERROR, Attributes: attributes(s.Attributes),
		Begin: time.Unix(0, int64(s.StartTimeUnixNano)), End: time.Unix(0, int64(s.EndTimeUnixNano)),
	}
	for _, l := range s.Links {
		out.Linked = append(out.Linked, hex.EncodeToString(l.SpanId))
	}
	return out
}

func attributes(list []*common.KeyValue) map[string]any {
	m := make(map[string]any, len(list))
	for _, kv := range list {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[kv.Key] = int(v.IntValue)
		case *common.AnyValue_BoolValue:
			m[kv.Key] = v.BoolValue
		}
	}
	return m
}

// Wait waits for n spans, and returns all there are.
func (c *Collector) Wait(t testing.TB, n int) []Span {
	t.Helper()
	late := time.After(deadline.Long)
	for {
		c.mu.Lock()
		spans, changed := c.spans, c.changed
		c.mu.Unlock()
		if len(spans) >= n {
			return spans
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("waited in vain for %d spans; there are %d: %+v", n, len(spans), spans)
		}
	}
}

// WaitExports waits for n exports, taken or not, and returns their headers.
func (c *Collector) WaitExports(t testing.TB, n int) []http.Header {
	t.Helper()
	late := time.After(deadline.Long)
	for {
		c.mu.Lock()
		headers, changed := c.headers, c.changed
		c.mu.Unlock()
		if len(headers) >= n {
			return headers
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("waited in vain for %d exports; there are %d", n, len(headers))
		}
	}
}

// Spans are those that came.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spans
}

// Raw is all that came, for what must not be in it.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}
