package tracing

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Attributes that OpenTelemetry does not define.
const (
	appID    = attribute.Key("fanfare.app.id")
	channels = attribute.Key("fanfare.channels")
	events   = attribute.Key("fanfare.events")
	endpoint = attribute.Key("fanfare.webhook.endpoint")
	attempt  = attribute.Key("fanfare.webhook.attempt")
)

// Call is an API call that was answered.
type Call struct {
	Traceparent, Tracestate string // of the caller, "" if it sent none
	Signed                  bool   // the signature is valid
	Method                  string
	Route                   string // its pattern, "" if no route matches the path
	Secure                  bool   // it was sent over TLS
	App                     string // id, "" if it named no existing app
	Status                  int
	Channels, Events        int // of a publish
	Begun                   time.Time
	Took                    time.Duration
	// Published is the time at which the events were sent to the cluster, and
	// Accepted that of its answer. They are zero without a cluster.
	Published, Accepted time.Time
}

// Call makes the span of a call, and that of its publish if a cluster answered
// it. It never waits.
func (t *Tracing) Call(c *Call) {
	parent := parentOf(c.Traceparent, c.Tracestate)
	if !t.picks(parent, c.Signed) || t.full() {
		return
	}
	method, name := knownMethod(c.Method)
	attributes := make([]attribute.KeyValue, 0, 8)
	attributes = append(attributes, semconv.HTTPRequestMethodKey.String(method), semconv.HTTPResponseStatusCode(c.Status), scheme(c.Secure))
	if c.Route != "" {
		name += " " + c.Route
		attributes = append(attributes, semconv.HTTPRoute(c.Route))
	}
	if c.App != "" {
		attributes = append(attributes, appID.String(c.App))
	}
	if c.Events > 0 {
		attributes = append(attributes, channels.Int(c.Channels), events.Int(c.Events))
	}
	if c.Status >= 500 {
		attributes = append(attributes, semconv.ErrorTypeKey.String(strconv.Itoa(c.Status)))
	}
	ctx := context.Background()
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(c.Begun), trace.WithAttributes(attributes...))
	if !c.Accepted.IsZero() {
		_, publish := t.tracer.Start(ctx, "publish", trace.WithTimestamp(c.Published), trace.WithAttributes(channels.Int(c.Channels), events.Int(c.Events)))
		if c.Status >= 500 {
			publish.SetStatus(codes.Error, "")
		}
		publish.End(trace.WithTimestamp(c.Accepted))
	}
	if c.Status >= 500 {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(c.Begun.Add(c.Took)))
}

// knownMethod returns a method as an attribute and in the name of a span, by the
// semantic conventions: unknown methods are replaced in both.
func knownMethod(method string) (attribute, name string) {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY":
		return method, method
	}
	return "_OTHER", "HTTP"
}

func scheme(secure bool) attribute.KeyValue {
	if secure {
		return semconv.URLScheme("https")
	}
	return semconv.URLScheme("http")
}

// carrier holds the headers of W3C Trace Context.
type carrier struct{ parent, state string }

// mostState is the maximum length of a caller's tracestate, which each waiting
// span holds. W3C Trace Context §3.3.1.5 requires to pass on 512 characters.
const mostState = 512

// parentOf returns the span of the caller. It is not valid if the headers name
// none.
func parentOf(parent, state string) trace.SpanContext {
	if parent == "" {
		return trace.SpanContext{}
	}
	if len(state) > mostState {
		state = ""
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), &carrier{parent, state})
	return trace.SpanContextFromContext(ctx)
}

// Get implements propagation.TextMapCarrier.
func (c *carrier) Get(key string) string {
	switch key {
	case "traceparent":
		return c.parent
	case "tracestate":
		return c.state
	}
	return ""
}

// Set implements propagation.TextMapCarrier.
func (c *carrier) Set(key, value string) {
	switch key {
	case "traceparent":
		c.parent = value
	case "tracestate":
		c.state = value
	}
}

// Keys implements propagation.TextMapCarrier.
func (c *carrier) Keys() []string { return []string{"traceparent", "tracestate"} }
