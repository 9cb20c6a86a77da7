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

// flushPatience is the maximum time that the end of the process waits until the
// collector has accepted the last spans. shutdown.timeout may leave less.
const flushPatience = 3 * time.Second

// traces makes the spans of this process; its tracing is nil if it makes none.
type traces struct{ tracing *tracing.Tracing }

// newTraces returns traces as configured, or as the variables of OpenTelemetry
// define.
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

// ofCalls returns the tracer of the HTTP API, nil if nothing is traced.
func (t traces) ofCalls() httpapi.Tracer {
	if t.tracing == nil {
		return nil
	}
	return callTracer(t)
}

// ofWebhooks returns the tracer of the sender of webhooks, nil if nothing is
// traced.
func (t traces) ofWebhooks() webhooks.Tracer {
	if t.tracing == nil {
		return nil
	}
	return webhookTracer(t)
}

// metrics returns the counts of exported and dropped spans.
func (t traces) metrics() metrics.Traces { return metrics.Traces(t.tracing.Stats()) }

// close sends the waiting spans, within the time that is left of a shutdown with
// that begin and timeout.
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
