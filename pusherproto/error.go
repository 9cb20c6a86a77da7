package pusherproto

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Error is a refusal in the protocol's own words. Code is a Pusher code (4xxx), an HTTP status from
// the decoders of the HTTP API, or CodeNone, which is null on the wire.
type Error struct {
	Code    int
	Message string // what was wrong and what would be right; never a secret
}

// Error returns the message, after the code if there is one.
func (e *Error) Error() string {
	if e.Code == CodeNone {
		return e.Message
	}
	return strconv.Itoa(e.Code) + ": " + e.Message
}

// SubscriptionError is the data of pusher:subscription_error: the refusal of one subscription, which
// leaves the connection as it is.
type SubscriptionError struct {
	Type    string // "AuthError", "InvalidChannel", "LimitReached" or "ServerError"
	Message string // never a secret, never the signature that would have been right
	Status  int    // an HTTP-like status: 400, 401, 403, 413, or 4004 at a limit
}

// Error returns the type and the message.
func (e *SubscriptionError) Error() string { return e.Type + ": " + e.Message }

const (
	authError    = "AuthError"
	limitReached = "LimitReached"
)

// DataTooLarge is Pusher's sentence on data of more than most bytes, from the HTTP API or a client.
func DataTooLarge(most int) string {
	return fmt.Sprintf("The data content of this event exceeds the allowed maximum (%d bytes)", most)
}

// missing is Pusher's sentence on a parameter that is not there, with what it should be.
func missing(parameter, rule string) *Error {
	return refuse(400, "Missing required parameter: %s; %s", parameter, rule)
}

func refuse(code int, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// quoted shows outside input in a message: quoted, printable, and cut so that a refusal stays small.
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

// orDefault is the limit n, or byDefault if the caller left it zero.
func orDefault(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}
