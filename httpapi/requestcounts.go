package httpapi

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// countedStatuses are the statuses that are counted separately; 0 stands for
// all others.
var countedStatuses = [...]int{0, 101, 200, 202, 204, 400, 401, 403, 404, 405, 408, 409, 413, 415, 426, 429, 431, 500, 503}

// latencyBounds are the upper bounds of a latency histogram's buckets. The last
// bucket has none.
var latencyBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// requestCounts counts requests by app, route and status, and the latencies by
// route. It has no locks because event loops use it.
type requestCounts struct {
	places map[string]int // route -> its index; not changed after the first count
	routes []string       // by index
	took   []latencies    // by index
	apps   sync.Map       // app id -> *appRequests; "" is none
}

// appRequests are an app's counts by route and status.
type appRequests struct{ counts []atomic.Uint64 }

// latencies is the histogram of a route.
type latencies struct {
	buckets [len(latencyBounds) + 1]atomic.Uint64
	sum     atomic.Int64
}

// noPattern is the route of requests that have none.
const noPattern = ""

// know assigns indexes to routes.
func (c *requestCounts) know(routes []string) {
	c.places = make(map[string]int, len(routes)+1)
	for _, route := range append([]string{noPattern}, routes...) {
		if _, known := c.places[route]; !known {
			c.places[route] = len(c.routes)
			c.routes = append(c.routes, route)
		}
	}
	c.took = make([]latencies, len(c.routes))
}

// add counts a request. appID is "" if the request named no app.
func (c *requestCounts) add(appID, route string, status int, took time.Duration) {
	place := c.places[route]
	a, ok := c.apps.Load(appID)
	if !ok {
		a, _ = c.apps.LoadOrStore(appID, &appRequests{make([]atomic.Uint64, len(c.routes)*len(countedStatuses))})
	}
	a.(*appRequests).counts[place*len(countedStatuses)+statusPlace(status)].Add(1)
	if waits(route) {
		return
	}
	l := &c.took[place]
	i := 0
	for i < len(latencyBounds) && took > latencyBounds[i] {
		i++
	}
	l.buckets[i].Add(1)
	l.sum.Add(int64(took))
}

// waits reports whether requests of a route wait for output of a session, so
// that their duration says nothing about the server.
func waits(route string) bool {
	return strings.HasSuffix(route, "/xhr") || strings.HasSuffix(route, "/xhr_streaming")
}

// Publishes reports whether a route is one of those that publish events.
func Publishes(route string) bool { return route == eventsPath || route == batchPath }

func statusPlace(status int) int {
	for i := range countedStatuses {
		if countedStatuses[i] == status {
			return i
		}
	}
	return 0
}

// RequestStats counts the requests answered so far, on the event loops and by
// net/http.
type RequestStats struct {
	Counts    []RequestCount
	Latencies []RouteLatency
}

// RequestCount is the number of requests of an app and a route with a status.
type RequestCount struct {
	App    string // id; "" if a request named no existing app
	Route  string // its pattern, such as /apps/:app/events; "" if no route matched
	Status int    // 0 stands for all statuses that are not counted separately
	Count  uint64
}

// RouteLatency says how long the requests of a route took, from the end of
// their head to the answer. Routes whose requests wait for output are left out.
type RouteLatency struct {
	Route string
	Count uint64
	Sum   time.Duration
	// Buckets are the cumulative numbers of requests that took at most the
	// bound.
	Buckets map[time.Duration]uint64
}

// Requests returns a snapshot of the counts. Apps that no longer exist are left
// out.
func (s *Server) Requests() RequestStats {
	var stats RequestStats
	c := &s.requests
	c.apps.Range(func(id, a any) bool {
		app := id.(string)
		if _, ok := s.cfg.Apps.ByID(app); !ok && app != "" {
			return true
		}
		for i := range a.(*appRequests).counts {
			if n := a.(*appRequests).counts[i].Load(); n > 0 {
				stats.Counts = append(stats.Counts, RequestCount{
					App: app, Route: c.routes[i/len(countedStatuses)], Status: countedStatuses[i%len(countedStatuses)], Count: n,
				})
			}
		}
		return true
	})
	for i := range c.took {
		if l := c.took[i].snapshot(c.routes[i]); l.Count > 0 {
			stats.Latencies = append(stats.Latencies, l)
		}
	}
	return stats
}

func (l *latencies) snapshot(route string) RouteLatency {
	out := RouteLatency{Route: route, Sum: time.Duration(l.sum.Load()), Buckets: make(map[time.Duration]uint64, len(latencyBounds))}
	for i := range l.buckets {
		out.Count += l.buckets[i].Load()
		if i < len(latencyBounds) {
			out.Buckets[latencyBounds[i]] = out.Count
		}
	}
	return out
}
