// Package tracing makes OpenTelemetry spans of API calls and of attempts to
// deliver webhooks, and exports them over OTLP/HTTP. It installs no global
// provider. The number of spans that wait for the collector is bounded, and
// callers never wait for it. The package imports no other of the server:
// cmd/fanfare passes it calls and attempts.
package tracing
