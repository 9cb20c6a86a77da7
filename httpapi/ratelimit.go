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

// eventRates holds apps to their events per second. The zero value is ready.
type eventRates struct {
	apps sync.Map // app id -> *eventRate
}

// eventRate is an app's budget: so many events a second flow in, and those of a
// second may be saved.
type eventRate struct {
	mu   sync.Mutex
	left float64
	at   time.Time // as of which it is
}

// charge is what an app has spent; the zero value is nothing.
type charge struct {
	from *eventRate
	n    float64
}

// spend takes n events of the app's budget, or fails with 429 and how long to
// wait.
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

// perSecond is how many of the app's events this node may accept a second, 0 if
// there is no limit. A caller wants n, whom nobody has asked for yet.
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

// spend takes n events of the app's budget and returns the charge, or takes
// nothing and returns the time to wait until it holds n.
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

// settle gives the charge back if nothing of what it was for was delivered, and
// returns the error that says so.
func (c charge) settle(err error) error {
	if err != nil && !errors.Is(err, channels.ErrDoubt) {
		c.cancel()
	}
	return err
}

// cancel gives the charge back.
func (c charge) cancel() {
	if c.from != nil {
		c.from.mu.Lock()
		c.from.left += c.n
		c.from.mu.Unlock()
	}
}
