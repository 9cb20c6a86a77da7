// Package metrics shows what the server does to Prometheus: a collector that
// reads the hub's counters when scraped, and the HTTP server of /metrics. It
// counts nothing itself and costs nothing between two scrapes. Labels are
// app ids, codes and numbers of webhook endpoints and loops, never a channel, a user or an
// address, so the number of series does not grow with use.
package metrics
