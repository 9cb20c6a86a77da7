// Package pusherproto holds the Pusher Channels protocol, version 7, as pure functions: event names and
// codes, channel-name rules, decoders for what clients and publishers send, append-style encoders for
// what clients receive, and the HMAC signatures of clients, publishers and webhooks.
//
// It never does I/O, never reads a clock (time is a parameter), starts no goroutine and keeps no global
// state, so every function may be called from any goroutine.
//
// The transports and the channel core call the decoders and encoders for every message; the HTTP API
// calls Request.Check and DecodeEvent or DecodeBatch for every publish. The functions for messages and
// publishes scan their input once, with internal/jsontext, and return slices of it unless an escape
// requires a copy.
package pusherproto
