// Package client is the benchmark's side of the wire: one event loop on one
// goroutine, which owns the sockets and HTTP callers alike and allocates nothing
// for a delivery, since a client that shares the machine with the server has to
// be far cheaper than it. It knows TCP, HTTP and WebSocket frames. What is sent
// and what arrivals mean is up to package bench.
package client
