package httpapi

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"fanfare/pusherproto"
)

// router finds the handler of a request by method and path. It is the only file
// that uses echo.
type router struct {
	echo     *echo.Echo
	patterns []string // of all routes
}

func newRouter() *router {
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) { exchangeOf(c).err = err }
	return &router{echo: e}
}

// handle registers h for a path. A segment that begins with a colon is a
// parameter.
func (r *router) handle(methods []string, path string, h handler) {
	r.patterns = append(r.patterns, path)
	r.echo.Match(methods, path, func(c echo.Context) error {
		x := exchangeOf(c)
		x.route, x.params = path, c
		return h(x)
	})
}

// serve calls the request's handler and returns its error.
func (r *router) serve(x *exchange) error {
	r.echo.ServeHTTP(x, x.r)
	var routed *echo.HTTPError
	if errors.As(x.err, &routed) {
		return x.unrouted(routed.Code)
	}
	return x.err
}

// exchangeOf returns the exchange that serve was called with.
func exchangeOf(c echo.Context) *exchange { return c.Response().Writer.(*exchange) }

// unrouted returns the error for a request without a route.
func (x *exchange) unrouted(status int) error {
	message := http.StatusText(status)
	switch status {
	case http.StatusNotFound:
		message = "there is nothing at this path"
	case http.StatusMethodNotAllowed:
		message = "the method " + quoted(x.r.Method) + " is not allowed here; allowed are " + x.Header().Get("Allow")
	}
	return &pusherproto.Error{Code: status, Message: message}
}
