package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"fanfare/config"
	"fanfare/httpapi"
	"fanfare/internal/tracing"
	"fanfare/metrics"
	"fanfare/webhooks"
)

// flushPatience is the most that the end of the process waits for the collector
// to take the last spans, if shutdown.timeout leaves so much.
const flushPatience = 3 * time.Second

// traces are the spans of this process; its tracing is nil if none are made.
type traces struct{ tracing *tracing.Tracing }

// newTraces is tracing as configured, or as the variables of OpenTelemetry say.
func newTraces(cfg *config.Config, logger *slog.Logger) (traces, error) {
	t, err := tracing.New(tracing.Config{
		Endpoint:    cfg.Tracing.Endpoint,
		Headers:     cfg.Tracing.Headers,
		SampleRatio: cfg.Tracing.SampleRatio,
		ServiceName: cfg.Tracing.ServiceName,
		Version:     version,
		Instance:    cfg.NodeName(),
		Logger:      logger,
	})
	if err != nil {
		return traces{}, fmt.Errorf("make the traces: %w", err)
	}
	return traces{t}, nil
}

// ofCalls is the tracer of the HTTP API, nil if nothing is traced.
func (t traces) ofCalls() httpapi.Tracer {
	if t.tracing == nil {
		return nil
	}
	return callTracer(t)
}

// ofWebhooks is the tracer of the sender of webhooks, nil if nothing is traced.
func (t traces) ofWebhooks() webhooks.Tracer {
	if t.tracing == nil {
		return nil
	}
	return webhookTracer(t)
}

// metrics is what became of spans.
func (t traces) metrics() metrics.Traces { return metrics.Traces(t.tracing.Stats()) }

// close sends the spans that wait, within what a shutdown that began then has
// left.
func (t traces) close(began time.Time, timeout time.Duration) {
	if t.tracing == nil {
		return
	}
	left := min(flushPatience, timeout-time.Since(began))
	ctx, cancel := context.WithTimeout(context.Background(), left)
	defer cancel()
	t.tracing.Close(ctx)
}

// callTracer makes spans of API calls.
type callTracer traces

// Call implements httpapi.Tracer.
func (t callTracer) Call(c *httpapi.TracedCall) { t.tracing.Call((*tracing.Call)(c)) }

// webhookTracer makes spans of attempts to deliver webhooks.
type webhookTracer traces

// Attempt implements webhooks.Tracer.
func (t webhookTracer) Attempt(a *webhooks.TracedAttempt) (traceparent string, end func(status int, err error)) {
	return t.tracing.Attempt((*tracing.Attempt)(a))
}
