package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// retrySeconds is the Retry-After of a server that is busy or draining.
const retrySeconds = 1

// fail answers an error as {"error":"…","code":400} and counts it. It is
// echo's error handler. A *pusherproto.Error carries its own HTTP status;
// headers that belong to an error are set by whoever returns it.
func (s *Server) fail(err error, c echo.Context) {
	status, message := s.describe(err, c)
	if c.Response().Committed {
		return
	}
	s.cfg.Hub.Refused(status)
	b := append(make([]byte, 0, len(message)+32), `{"error":`...)
	b = pusherproto.AppendString(b, message)
	b = append(b, `,"code":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	// An error of writing means that the caller is gone.
	_ = respond(c, status, append(b, '}'))
}

func (s *Server) describe(err error, c echo.Context) (status int, message string) {
	var refused *pusherproto.Error
	var routed *echo.HTTPError
	switch {
	case errors.As(err, &refused):
		return refused.Code, refused.Message
	case errors.As(err, &routed):
		return routed.Code, routeMessage(routed.Code, c)
	case errors.Is(err, channels.ErrDraining), errors.Is(err, channels.ErrBusy),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		setRetryAfter(c, retrySeconds)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return http.StatusServiceUnavailable, "the request was not handled in time"
		}
		return http.StatusServiceUnavailable, err.Error()
	default:
		s.log.Error("request failed", slog.String("request", c.Response().Header().Get(headerRequestID)), slog.Any("error", err))
		return http.StatusInternalServerError, "internal error"
	}
}

// routeMessage words the errors of the router.
func routeMessage(status int, c echo.Context) string {
	switch status {
	case http.StatusNotFound:
		return "there is nothing at this path"
	case http.StatusMethodNotAllowed:
		return "the method " + quoted(c.Request().Method) + " is not allowed here; allowed are " +
			c.Response().Header().Get(echo.HeaderAllow)
	default:
		return http.StatusText(status)
	}
}

func setRetryAfter(c echo.Context, seconds int) {
	c.Response().Header().Set("Retry-After", strconv.Itoa(seconds))
}

// respond writes a JSON text.
func respond(c echo.Context, status int, json []byte) error {
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	w.WriteHeader(status)
	_, err := w.Write(json)
	return err
}

// done is the answer that says nothing but that it is done.
func done(c echo.Context) error { return respond(c, http.StatusOK, []byte("{}")) }

// describePanic turns a panic into an error with its stack, for fail to log.
func describePanic(_ echo.Context, err error, stack []byte) error {
	return fmt.Errorf("panic: %w\n%s", err, stack)
}
