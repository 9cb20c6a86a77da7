// Package client is the client of the benchmark: one event loop on one goroutine,
// which owns all sockets and HTTP callers and allocates nothing for a delivery: a
// client that shares the machine with the server has to use far less of it. It
// implements TCP, HTTP and WebSocket frames. Package bench decides what is sent and
// evaluates what arrives.
package client
