// Package pusherproto holds the Pusher Channels protocol, version 7, as pure functions: event names and
// codes, channel-name rules, decoders for what clients and publishers send, append-style encoders for
// what they receive, and the HMAC signatures of both.
//
// It never does I/O, never reads a clock (time is a parameter), starts no goroutine and keeps no global
// state, so every function may be called from any goroutine.
//
// The transports and the channel core call the decoders and encoders for every message; the HTTP API
// calls Request.Check, DecodeEvent and their kin for every publish. Anything on those two paths scans
// its input once, with internal/jsontext, and returns slices of it where no escape forces a copy.
package pusherproto
