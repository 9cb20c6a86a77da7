package httpapi

import (
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

// fail answers an error as {"error":"…","code":400} and counts it. A
// *pusherproto.Error carries its own HTTP status; headers that belong to an
// error are set by whoever returns it.
func (s *Server) fail(x *exchange, err error) {
	status, message := s.describe(x, err)
	x.reason = message
	if x.answered() {
		return
	}
	reason := x.why
	if errors.Is(err, channels.ErrNoMemory) {
		reason = channels.ReasonMemory
	}
	s.cfg.Hub.RefusedFor(x.appID(), status, reason)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable && errors.Is(err, channels.ErrBusy) {
		s.warnOfCall(x, status)
	}
	// An error of writing means that the caller is gone.
	_ = x.respond(status, errorBody(status, message))
}

func errorBody(status int, message string) []byte {
	b := append(make([]byte, 0, len(message)+32), `{"error":`...)
	b = pusherproto.AppendString(b, message)
	b = append(b, `,"code":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	return append(b, '}')
}

func (s *Server) describe(x *exchange, err error) (status int, message string) {
	var refused *pusherproto.Error
	switch {
	case errors.As(err, &refused) && refused.Code == http.StatusRequestTimeout && s.draining(): // see Conclude
		return s.describe(x, channels.ErrDraining)
	case errors.As(err, &refused):
		return refused.Code, refused.Message
	case errors.Is(err, channels.ErrDraining), errors.Is(err, channels.ErrBusy), errors.Is(err, channels.ErrNoMemory),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		setRetryAfter(x, retrySeconds)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return http.StatusServiceUnavailable, "the request was not handled in time"
		}
		return http.StatusServiceUnavailable, err.Error()
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
