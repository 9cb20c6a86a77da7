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

// Attributes that are ours.
const (
	appID    = attribute.Key("fanfare.app.id")
	channels = attribute.Key("fanfare.channels")
	events   = attribute.Key("fanfare.events")
	endpoint = attribute.Key("fanfare.webhook.endpoint")
	attempt  = attribute.Key("fanfare.webhook.attempt")
)

// Call is an API call that is answered.
type Call struct {
	Traceparent, Tracestate string // of the caller, "" if it sent none
	Signed                  bool   // the caller showed the app's secret
	Method                  string
	Route                   string // its pattern, "" if the path led nowhere
	Secure                  bool   // it came over TLS
	App                     string // id, "" if it named none that exists
	Status                  int
	Channels, Events        int // of a publish
	Begun                   time.Time
	Took                    time.Duration
	// Published and Accepted are when a cluster was asked to take the events and
	// when it answered; zero without one.
	Published, Accepted time.Time
}

// Call makes the span of a call, and of its publish where that is a step of its
// own. It never waits.
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

// knownMethod is a method as semantic conventions tell it, and in a span's name:
// what anybody makes up is not in either.
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

// carrier are the headers of W3C Trace Context.
type carrier struct{ parent, state string }

// mostState bounds what a caller's state adds to each span that waits. W3C Trace
// Context §3.3.1.5 wants 512 characters passed on.
const mostState = 512

// parentOf is the span of a caller, which is not valid if it names none.
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
