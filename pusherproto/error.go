package pusherproto

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Error is a refusal as it is sent to a client or publisher. Code is a Pusher code (4xxx), an HTTP
// status from the decoders of the HTTP API, or CodeNone, which is null on the wire.
type Error struct {
	Code    int
	Message string // what is wrong and what to send instead; never contains a secret
}

// Error returns the message, after the code if there is one.
func (e *Error) Error() string {
	if e.Code == CodeNone {
		return e.Message
	}
	return strconv.Itoa(e.Code) + ": " + e.Message
}

// SubscriptionError is the data of pusher:subscription_error: one subscription is refused, and the
// connection stays open.
type SubscriptionError struct {
	Type    string // "AuthError", "InvalidChannel", "LimitReached" or "ServerError"
	Message string // never contains a secret or the expected signature
	Status  int    // an HTTP-like status: 400, 401, 403, 413, or 4004 at a limit
}

// Error returns the type and the message.
func (e *SubscriptionError) Error() string { return e.Type + ": " + e.Message }

const (
	authError    = "AuthError"
	limitReached = "LimitReached"
)

// DataTooLarge returns Pusher's message for data of more than most bytes, from the HTTP API or a client.
func DataTooLarge(most int) string {
	return fmt.Sprintf("The data content of this event exceeds the allowed maximum (%d bytes)", most)
}

// missing returns Pusher's message for a missing parameter, followed by rule, which says what to send.
func missing(parameter, rule string) *Error {
	return refuse(400, "Missing required parameter: %s; %s", parameter, rule)
}

func refuse(code int, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// quoted returns input as a quoted, printable string for a message, cut to 48 bytes.
func quoted(s string) string { return quotedAtMost(s, 48) }

func quotedAtMost(s string, most int) string {
	if len(s) <= most {
		return strconv.Quote(s)
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}

// orDefault returns n, or byDefault if n is 0 or less.
func orDefault(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}
