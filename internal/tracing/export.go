package tracing

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// gate passes spans to the queue of the SDK while there is room, and counts the
// others. The queue would drop spans without counting them.
type gate struct {
	sdktrace.SpanProcessor
	*Tracing
}

// OnEnd implements sdktrace.SpanProcessor.
func (g *gate) OnEnd(s sdktrace.ReadOnlySpan) {
	switch {
	case !s.SpanContext().IsSampled():
		return
	case g.waiting.Add(1) > mostWaiting:
		g.waiting.Add(-1)
		g.noRoom.Add(1)
		return
	}
	g.SpanProcessor.OnEnd(s)
}

// full reports whether the queue has no room for a span. If so, it counts the span
// as dropped.
func (t *Tracing) full() bool {
	if t.waiting.Load() < mostWaiting {
		return false
	}
	t.noRoom.Add(1)
	return true
}

// exporter counts the spans that the SDK's exporter sends, and reports failures
// to the log. The SDK would report them to a global handler.
type exporter struct {
	sdktrace.SpanExporter
	*Tracing
}

// ExportSpans implements sdktrace.SpanExporter. It is called by one goroutine.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.cut, cancel)()
	err := e.cut.Err()
	if err == nil {
		err = e.SpanExporter.ExportSpans(ctx, spans)
	}
	e.waiting.Add(-int64(len(spans)))
	if err != nil {
		e.failed.Add(uint64(len(spans)))
		e.drops.reason = reasonOf(err)
	} else {
		e.exported.Add(uint64(len(spans)))
	}
	e.drops.report(e.Tracing, false)
	return nil
}

// drops is the state of the reports about dropped spans.
type drops struct {
	reason string // of the last failure
	told   Stats
	quiet  time.Time // no report before this time
}

// report logs the number of spans that were dropped since the last report, at most
// once a minute. The last report does not wait.
func (d *drops) report(t *Tracing, last bool) {
	now := t.Stats()
	lost := now.NoRoom - d.told.NoRoom + now.Failed - d.told.Failed
	if lost == 0 || !last && time.Now().Before(d.quiet) {
		return
	}
	reason := d.reason
	if now.Failed == d.told.Failed {
		reason = "too many spans wait for the collector"
	}
	t.log.Warn("trace spans were dropped", slog.Uint64("spans", lost), slog.String("reason", reason))
	d.told, d.quiet = now, time.Now().Add(time.Minute)
}

// mostReason is the maximum length of a reason in the log, in bytes, which may be
// the answer of a collector.
const mostReason = 256

// reasonOf returns the error of an export without the URL, whose path may contain
// a token.
func reasonOf(err error) string {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	text := err.Error()
	if _, after, ok := strings.Cut(text, "failed to send to "); ok {
		_, text, _ = strings.Cut(after, ": ")
	}
	if len(text) > mostReason {
		text = strings.ToValidUTF8(text[:mostReason], "") + "…"
	}
	return text
}
