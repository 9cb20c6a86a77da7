// Package httpapi is everything fanfare answers over HTTP: the REST API that
// back ends publish with, the upgrade of WebSocket clients, the requests of
// clients that fall back to HTTP, and the health checks. It authenticates,
// checks and answers; what happens then is the work of package channels
// (events, queries) and package sockets (connections and HTTP sessions).
//
// Most requests never meet net/http: an event loop of package sockets parses
// them and asks the Door here, which knows upgrades and plain publishes. What
// it does not know, net/http gets, from the first byte.
//
// Requests are routed, signed and checked by the bytes of their path and query
// as received (docs/spec/http-signature.md#what-sdks-sign and, for upgrades,
// docs/spec/websocket.md#refusing-a-connection). cmd/fanfare makes the one
// Server there is.
package httpapi
