// Package bench measures a Pusher-compatible server from outside: rates,
// latency percentiles, deliveries that were lost, duplicated or reordered, and
// the memory and processor time the server spends. It speaks the public
// protocol only, so any such server can be measured. It measures without
// coordinated omission: latency counts from the time an event was due, whether
// or not the load could be sent by then.
//
// It contains the scenarios and their counters. The client of the protocol is in
// bench/client; bench/report writes the results. cmd/fanfare
// calls one Run function per scenario.
package bench
