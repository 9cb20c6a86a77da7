// Package tracing makes OpenTelemetry spans of API calls and of attempts to
// deliver webhooks, and exports them over OTLP/HTTP. It installs no global
// provider: who wants spans is given a Tracing. What waits for the collector is
// bounded; callers never wait for it. The package knows no other of the server;
// cmd/fanfare hands calls and attempts on.
package tracing
