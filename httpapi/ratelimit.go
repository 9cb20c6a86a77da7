package httpapi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// eventRates limits the events per second of apps. The zero value is ready to
// use.
type eventRates struct {
	apps sync.Map // app id -> *eventRate
}

// eventRate is an app's budget. It grows by the limit every second, up to the
// events of one second.
type eventRate struct {
	mu   sync.Mutex
	left float64
	at   time.Time // when it was last updated
}

// charge is an amount taken from an app's budget. The zero value is none.
type charge struct {
	from *eventRate
	n    float64
}

// spend takes n events from the app's budget. If it has not enough, it fails
// with 429 and sets the time to wait.
func (s *Server) spend(x *exchange, app *apps.App, n int) (charge, error) {
	taken, wait := s.rates.spend(app, n, s.perSecond(app, n), s.cfg.Now())
	if wait == 0 {
		return taken, nil
	}
	setRetryAfter(x, int((wait+time.Second-1)/time.Second))
	return charge{}, &pusherproto.Error{
		Code:    http.StatusTooManyRequests,
		Message: fmt.Sprintf("the app may publish %d events a second; try again later", app.Limits.EventsPerSecond),
	}
}

// perSecond returns how many of the app's events this node may accept in a
// second, 0 for no limit. n is the number of events that the caller is about to
// publish.
func (s *Server) perSecond(app *apps.App, n int) float64 {
	switch most := app.Limits.EventsPerSecond; {
	case most <= 0:
		return 0
	case s.cfg.EventShare != nil:
		return s.cfg.EventShare(app, n)
	default:
		return float64(most)
	}
}

// spend takes n events from the budget and returns the charge. If the budget is
// too small, it takes nothing and returns the time to wait.
func (r *eventRates) spend(app *apps.App, n int, perSecond float64, now time.Time) (charge, time.Duration) {
	if perSecond <= 0 {
		return charge{}, 0
	}
	// A full batch must fit, however small the limit.
	most := max(perSecond, float64(app.Limits.MaxBatchEvents), 1)
	found, ok := r.apps.Load(app.ID)
	if !ok {
		found, _ = r.apps.LoadOrStore(app.ID, &eventRate{left: most, at: now})
	}
	e := found.(*eventRate)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left = min(e.left+perSecond*max(now.Sub(e.at).Seconds(), 0), most)
	e.at = now
	wanted := min(float64(n), most)
	if e.left < wanted {
		return charge{}, time.Duration(math.Ceil((wanted - e.left) / perSecond * float64(time.Second)))
	}
	e.left -= wanted
	return charge{e, wanted}, 0
}

// settle returns the charge to the budget if nothing was delivered, and returns
// err.
func (c charge) settle(err error) error {
	if err != nil && !errors.Is(err, channels.ErrDoubt) {
		c.cancel()
	}
	return err
}

// cancel returns the charge to the budget.
func (c charge) cancel() {
	if c.from != nil {
		c.from.mu.Lock()
		c.from.left += c.n
		c.from.mu.Unlock()
	}
}
