package main

import (
	"fanfare/httpapi"
	"fanfare/metrics"
)

// requestMetrics returns the function from which metrics gets the counts and
// latencies of HTTP requests.
func requestMetrics(api *httpapi.Server) func() metrics.Requests {
	return func() metrics.Requests {
		s := api.Requests()
		out := metrics.Requests{Counts: make([]metrics.RequestCount, 0, len(s.Counts))}
		for _, c := range s.Counts {
			out.Counts = append(out.Counts, metrics.RequestCount(c))
		}
		for _, l := range s.Latencies {
			of := metrics.RouteLatency{Route: l.Route, Count: l.Count, Seconds: l.Sum.Seconds(), Buckets: make(map[float64]uint64, len(l.Buckets))}
			for bound, n := range l.Buckets {
				of.Buckets[bound.Seconds()] = n
			}
			out.Latencies = append(out.Latencies, of)
		}
		return out
	}
}
