// Package metrics exposes the state of the server to Prometheus: collectors that
// read snapshots when they are scraped, and the HTTP server of /metrics. It counts
// almost nothing itself and costs nothing between two scrapes. Labels are app ids,
// codes, webhook endpoints, event loops and other values of a fixed set, never a
// channel, a user or an address, so the number of series does not grow with use.
package metrics
