package tracing

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Attempt is an attempt to deliver webhooks.
type Attempt struct {
	App      string   // id
	Endpoint int      // place in the app's list
	URL      *url.URL // only its scheme, host and port are exported
	Number   int      // from 1
	Events   int
	First    string // the traceparent of the first attempt; "" if this is the first
}

// Attempt begins the span of an attempt. It returns the value of the header
// traceparent for the endpoint, and a function that ends the span. That takes the
// status of the answer, 0 if there was none, and the error of a failed attempt.
func (t *Tracing) Attempt(a *Attempt) (traceparent string, end func(status int, err error)) {
	attributes := make([]attribute.KeyValue, 0, 10)
	attributes = append(attributes, semconv.HTTPRequestMethodPost, semconv.URLScheme(a.URL.Scheme), semconv.ServerAddress(a.URL.Hostname()),
		semconv.ServerPort(portOf(a.URL)), appID.String(a.App), endpoint.Int(a.Endpoint), attempt.Int(a.Number), events.Int(a.Events))
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient)}
	if a.Number > 1 {
		attributes = append(attributes, semconv.HTTPRequestResendCount(a.Number-1))
		if first := parentOf(a.First, ""); first.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: first}))
		}
	}
	ctx, span := t.tracer.Start(context.Background(), "POST webhook", append(options, trace.WithAttributes(attributes...))...)
	var c carrier
	propagation.TraceContext{}.Inject(ctx, &c)
	return c.parent, func(status int, err error) {
		if status > 0 {
			span.SetAttributes(semconv.HTTPResponseStatusCode(status))
		}
		if err != nil {
			span.SetAttributes(semconv.ErrorTypeKey.String(errorType(status, err)))
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

func portOf(u *url.URL) int {
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

// errorType returns the error.type of a failure: the status, or one of a few
// words.
func errorType(status int, err error) string {
	var lookup *net.DNSError
	var operation *net.OpError
	switch {
	case status > 0:
		return strconv.Itoa(status)
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &lookup):
		return "dns"
	case errors.As(err, &operation):
		return operation.Op // dial, read, write
	}
	return "_OTHER"
}
