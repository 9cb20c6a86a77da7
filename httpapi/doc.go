// Package httpapi is fanfare's HTTP server: the REST API for back ends, the
// upgrade of WebSocket clients, the requests of clients that fall back to HTTP,
// and the health checks. It authenticates and validates requests and writes
// answers; packages channels (events, queries) and sockets (connections and
// HTTP sessions) do the work.
//
// Most requests do not use net/http: an event loop of package sockets parses
// them and calls the Door here, which handles upgrades and plain publishes.
// Requests that the Door does not handle are passed to net/http from their
// first byte.
//
// Routing, signatures and checks use the bytes of the path and query as
// received (docs/spec/http-signature.md#what-sdks-sign and, for upgrades,
// docs/spec/websocket.md#refusing-a-connection). cmd/fanfare creates the only
// Server.
package httpapi
