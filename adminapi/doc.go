// Package adminapi is the HTTP API for those who run a server: it shows what a
// node does now and acts on it. It sees the server through the small interfaces
// of backend.go, which cmd/fanfare fills in, and knows nothing of Pusher's own
// API. openapi.json describes it; a test holds the two together.
package adminapi
