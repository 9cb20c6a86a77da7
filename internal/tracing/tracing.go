package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Config names the collector, and describes the service.
type Config struct {
	// Endpoint is the collector's base URL; if it is "", it comes from the variables
	// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and OTEL_EXPORTER_OTLP_ENDPOINT.
	Endpoint string
	// Headers are sent with each export. If there are none, those of the variables
	// are sent.
	Headers map[string]string
	// SampleRatio is the share, from 0 to 1, of the traces begun by this process
	// that are recorded.
	SampleRatio float64
	// ServiceName is the name of the service. If it is "", it comes from
	// OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES, or is fanfare.
	ServiceName string
	Version     string
	Instance    string       // of this process, "" if it has no name
	Logger      *slog.Logger // nil logs nothing
}

// Limits of the queue and of exports.
const (
	mostWaiting   = 4096 // spans, those being exported included
	mostOfExport  = 512
	exportEvery   = time.Second // or earlier, when mostOfExport wait
	exportWithin  = 20 * time.Second
	retryWithin   = 15 * time.Second
	retryFirst    = time.Second
	retryMost     = 5 * time.Second
	tracesPath    = "/v1/traces"
	defaultName   = "fanfare"
	instrumenting = "fanfare"
)

// Tracing makes spans. Make one with New, and Close it. Its methods may be
// called by any goroutine.
type Tracing struct {
	log      *slog.Logger
	ratio    float64
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	cut      context.Context // is done when Close no longer waits for exports
	giveUp   context.CancelFunc

	waiting  atomic.Int64
	exported atomic.Uint64
	noRoom   atomic.Uint64
	failed   atomic.Uint64

	drops drops // used by the exporting goroutine, and by Close after it
}

// New returns a Tracing, or nil if neither cfg nor the environment names a
// collector. It does not connect to it.
func New(cfg Config) (*Tracing, error) {
	where, err := cfg.endpoint()
	if where == "" || err != nil {
		return nil, err
	}
	if err := checkHeaders(); err != nil {
		return nil, err
	}
	t := &Tracing{log: cfg.Logger, ratio: cfg.SampleRatio}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if p := protocol(); p != "" && p != "http/protobuf" && p != "http/json" {
		t.log.Warn("traces are sent over OTLP/HTTP, although OTEL_EXPORTER_OTLP_PROTOCOL names another protocol; collectors accept OTLP/HTTP at port 4318", slog.String("otlp_protocol", p))
	}
	options := []otlptracehttp.Option{otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
		Enabled: true, InitialInterval: retryFirst, MaxInterval: retryMost, MaxElapsedTime: retryWithin,
	})}
	if cfg.Endpoint != "" {
		options = append(options, otlptracehttp.WithEndpointURL(withTracesPath(cfg.Endpoint)))
	}
	if len(cfg.Headers) > 0 {
		options = append(options, otlptracehttp.WithHeaders(cfg.Headers))
	}
	client, err := otlptracehttp.New(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("create the exporter of traces: %w", err)
	}
	about, err := cfg.resource()
	if err != nil {
		return nil, fmt.Errorf("read the resource attributes of traces, such as OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	t.cut, t.giveUp = context.WithCancel(context.Background())
	queue := sdktrace.NewBatchSpanProcessor(&exporter{client, t},
		sdktrace.WithMaxQueueSize(mostWaiting), sdktrace.WithMaxExportBatchSize(mostOfExport),
		sdktrace.WithBatchTimeout(exportEvery), sdktrace.WithExportTimeout(exportWithin))
	t.provider = sdktrace.NewTracerProvider(sdktrace.WithResource(about), sdktrace.WithSpanProcessor(&gate{queue, t}),
		sdktrace.WithSampler(sampler{sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.SampleRatio))}))
	t.tracer = t.provider.Tracer(instrumenting, trace.WithInstrumentationVersion(cfg.Version), trace.WithSchemaURL(semconv.SchemaURL))
	return t, nil
}

// resource describes the process. A later option overrides an earlier one.
func (cfg *Config) resource() (*resource.Resource, error) {
	first := []resource.Option{
		resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(defaultName), semconv.ServiceVersion(cfg.Version)),
	}
	if cfg.Instance != "" {
		first = append(first, resource.WithAttributes(semconv.ServiceInstanceID(cfg.Instance)))
	}
	first = append(first, resource.WithFromEnv(), resource.WithSchemaURL(semconv.SchemaURL))
	if cfg.ServiceName != "" {
		first = append(first, resource.WithAttributes(semconv.ServiceName(cfg.ServiceName)))
	}
	return resource.New(context.Background(), first...)
}

// Close exports the waiting spans until ctx is done. It counts the rest as failed,
// and returns when all goroutines of the Tracing have ended.
func (t *Tracing) Close(ctx context.Context) {
	stop := context.AfterFunc(ctx, t.giveUp)
	_ = t.provider.Shutdown(context.WithoutCancel(ctx)) // exports report for themselves
	stop()
	t.giveUp()
	t.drops.report(t, true)
}

// Stats counts spans by their outcome.
type Stats struct {
	Exported uint64 // accepted by the collector
	NoRoom   uint64 // dropped because too many waited
	Failed   uint64 // dropped because the collector did not accept them
}

// Stats returns the current counts.
func (t *Tracing) Stats() Stats {
	return Stats{Exported: t.exported.Load(), NoRoom: t.noRoom.Load(), Failed: t.failed.Load()}
}

// picks decides whether an API call gets a span, before one is made. The trace of
// a caller without a valid signature can only prevent a span, not cause one.
func (t *Tracing) picks(parent trace.SpanContext, signed bool) bool {
	switch {
	case parent.IsValid() && !parent.IsSampled():
		return false
	case parent.IsValid() && signed:
		return true
	}
	return t.ratio >= 1 || rand.Float64() < t.ratio
}

// sampler samples all spans of calls, about which picks has decided, and leaves
// other spans to others.
type sampler struct{ others sdktrace.Sampler }

// ShouldSample implements sdktrace.Sampler.
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if p.Kind == trace.SpanKindClient {
		return s.others.ShouldSample(p)
	}
	return sdktrace.AlwaysSample().ShouldSample(p)
}

// Description implements sdktrace.Sampler.
func (s sampler) Description() string { return s.others.Description() }
