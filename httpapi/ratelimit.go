package httpapi

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// eventRates holds apps to their events per second. The zero value is ready.
type eventRates struct {
	apps sync.Map // app id -> *eventRate
}

// eventRate is one app's budget. It is replaced when the app's limit changes.
type eventRate struct {
	perSecond int
	limiter   *rate.Limiter
}

// spend takes n events of the app's budget, or fails with 429 and how long to
// wait. A second's worth may come at once.
func (s *Server) spend(x *exchange, app *apps.App, n int) error {
	_, wait := s.rates.spend(app, n, s.cfg.Now())
	if wait == 0 {
		return nil
	}
	setRetryAfter(x, int((wait+time.Second-1)/time.Second))
	return &pusherproto.Error{
		Code:    http.StatusTooManyRequests,
		Message: fmt.Sprintf("the app may publish %d events a second; try again later", app.Limits.EventsPerSecond),
	}
}

// spend takes n events of the app's budget and returns the charge, or takes
// nothing and returns the time to wait until it holds n.
func (r *eventRates) spend(app *apps.App, n int, now time.Time) (charge, time.Duration) {
	if app.Limits.EventsPerSecond <= 0 {
		return charge{}, 0
	}
	e := r.of(app)
	taken := charge{e.limiter.ReserveN(now, min(n, e.limiter.Burst()))}
	wait := taken.reservation.DelayFrom(now)
	if wait > 0 {
		taken.cancel(now)
	}
	return taken, wait
}

// charge is what an app has spent; the zero value is nothing.
type charge struct{ reservation *rate.Reservation }

// cancel gives it back. now is the time at which it was spent.
func (c charge) cancel(now time.Time) {
	if c.reservation != nil {
		c.reservation.CancelAt(now)
	}
}

func (r *eventRates) of(app *apps.App) *eventRate {
	perSecond := app.Limits.EventsPerSecond
	if e, ok := r.apps.Load(app.ID); ok && e.(*eventRate).perSecond == perSecond {
		return e.(*eventRate)
	}
	// A full batch must fit, however small the limit.
	burst := max(perSecond, app.Limits.MaxBatchEvents)
	fresh := &eventRate{perSecond: perSecond, limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
	for {
		old, loaded := r.apps.LoadOrStore(app.ID, fresh)
		switch {
		case !loaded:
			return fresh
		case old.(*eventRate).perSecond == perSecond: // another request was first
			return old.(*eventRate)
		case r.apps.CompareAndSwap(app.ID, old, fresh):
			return fresh
		}
	}
}
