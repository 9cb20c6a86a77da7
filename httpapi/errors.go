package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// retrySeconds is the Retry-After of a server that is busy or draining.
const retrySeconds = 1

// fail answers with an error as {"error":"…","code":400} and counts it. A
// *pusherproto.Error carries its HTTP status. Whoever returns an error sets the
// headers that belong to it.
func (s *Server) fail(x *exchange, err error) {
	status, message := s.describe(x, err)
	x.reason = message
	if x.answered() {
		return
	}
	s.cfg.Hub.RefusedFor(x.appID(), status, cmp.Or(x.why, reasonOf(err)))
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable && errors.Is(err, channels.ErrBusy) {
		s.warnOfCall(x, status)
	}
	// Writing fails only if the caller has disconnected.
	_ = x.respond(status, errorBody(status, message))
}

// reasonOf returns the reason of a refusal, or "" if the status says enough.
func reasonOf(err error) channels.Reason {
	switch {
	case errors.Is(err, channels.ErrNoMemory):
		return channels.ReasonMemory
	case errors.Is(err, channels.ErrAway), errors.Is(err, channels.ErrUnanswered):
		return channels.ReasonClusterAway
	case errors.Is(err, channels.ErrDoubt):
		return channels.ReasonClusterDoubt
	case errors.Is(err, channels.ErrFull):
		return channels.ReasonClusterFull
	default:
		return ""
	}
}

// unavailable are the temporary errors. ErrUnanswered may wrap errors of
// publishing, whose text does not fit a query.
var unavailable = [...]error{
	channels.ErrUnanswered, channels.ErrDraining, channels.ErrBusy, channels.ErrNoMemory, channels.ErrAway, channels.ErrDoubt,
	channels.ErrFull,
}

func errorBody(status int, message string) []byte {
	b := append(make([]byte, 0, len(message)+32), `{"error":`...)
	b = pusherproto.AppendString(b, message)
	b = append(b, `,"code":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	return append(b, '}')
}

// repeatable returns the text of a temporary error for the caller, or "" if the
// error is not temporary.
func repeatable(err error) (message string) {
	for _, e := range unavailable {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return ""
}

func (s *Server) describe(x *exchange, err error) (status int, message string) {
	if message = repeatable(err); message != "" {
		setRetryAfter(x, retrySeconds)
		return http.StatusServiceUnavailable, message
	}
	var refused *pusherproto.Error
	switch {
	case errors.As(err, &refused) && refused.Code == http.StatusRequestTimeout && s.draining(): // see Conclude
		return s.describe(x, channels.ErrDraining)
	case errors.Is(err, channels.ErrKeyUsed):
		return http.StatusConflict, channels.ErrKeyUsed.Error()
	case errors.Is(err, channels.ErrNoKeys):
		return http.StatusBadRequest, channels.ErrNoKeys.Error()
	case errors.As(err, &refused):
		return refused.Code, refused.Message
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		setRetryAfter(x, retrySeconds)
		return http.StatusServiceUnavailable, "the request was not handled in time"
	default:
		s.log.Error("request failed", slog.String("request", x.Header().Get(headerRequestID)), slog.Any("error", err))
		return http.StatusInternalServerError, "internal error"
	}
}

func setRetryAfter(x *exchange, seconds int) {
	x.Header().Set("Retry-After", strconv.Itoa(seconds))
}

// panicked turns a panic into an error with its stack, for fail to log.
func panicked(reason any) error {
	return fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
}
