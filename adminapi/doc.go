// Package adminapi is the HTTP API for operators: it shows the current state of
// a server and acts on it. It reaches the server through the small interfaces
// of backend.go, which cmd/fanfare implements, and is independent of Pusher's
// HTTP API. openapi.json describes it; a test compares the two.
package adminapi
