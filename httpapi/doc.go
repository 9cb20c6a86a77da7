// Package httpapi is everything fanfare answers over HTTP: the REST API that
// back ends publish with, the upgrade of WebSocket clients, and the health
// checks. It authenticates, checks and answers; what happens then is the work
// of package channels (events, queries) and package sockets (connections).
//
// Requests are routed, signed and checked by the bytes of their path and query
// as received. The rules are in http-api.md and, for upgrades, in section 1 of
// websocket.md. cmd/fanfare makes the one Server there is.
package httpapi
