// Package bench measures a Pusher-compatible server from outside: rates,
// latency percentiles, deliveries that were lost, duplicated or reordered, and
// the memory and processor time the server spends. It speaks the public
// protocol only, so any such server can be measured. It measures without
// coordinated omission: latency counts from the time an event was due, whether
// or not the load could be sent by then.
//
// Everything on the client's side of the wire, sockets and HTTP callers alike,
// belongs to one event loop (loop.go) on one goroutine, which allocates nothing
// for a delivery: a client that shares the machine with the server has to be
// far cheaper than it. cmd/fanfare calls one Run function per scenario.
package bench
