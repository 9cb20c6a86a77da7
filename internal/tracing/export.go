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

// gate lets spans into the queue of the SDK while there is room, so that the
// queue itself never drops any: nobody could count them there.
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

// full reports whether a span would be dropped, so that none is made. It counts
// the span then.
func (t *Tracing) full() bool {
	if t.waiting.Load() < mostWaiting {
		return false
	}
	t.noRoom.Add(1)
	return true
}

// exporter counts what the SDK's exporter sends, and reports what it cannot: the
// SDK would tell a handler of the whole process.
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

// drops is what was said of dropped spans.
type drops struct {
	reason string // of the last failure
	told   Stats
	quiet  time.Time // no report before
}

// report writes, once a minute at most but for the last, how many spans were
// dropped since the last report.
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

// mostReason bounds what a collector's answer adds to the log.
const mostReason = 256

// reasonOf is an error of an export without the URL, whose path may hold a token.
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
