package adminapi

import (
	"cmp"
	"slices"
	"time"
)

// Answered says how long calls took so far, from the end of the request headers
// to the answer. Its totals only grow.
type Answered struct {
	Count  uint64
	Within map[time.Duration]uint64 // number of calls that took at most this long; calls above all bounds are in Count only
}

// latencyAnswer describes the calls of one step; all fields are zero without
// calls.
type latencyAnswer struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// since returns the counts of the calls that were answered after before.
func (a Answered) since(before Answered) Answered {
	if a.Count < before.Count {
		return a
	}
	d := Answered{Count: a.Count - before.Count, Within: make(map[time.Duration]uint64, len(a.Within))}
	for bound, n := range a.Within {
		d.Within[bound] = n - before.Within[bound]
	}
	return d
}

// within returns the time in which a share of the calls was answered. It
// interpolates between two bounds; above the last bound it returns that bound.
func (a Answered) within(share float64) time.Duration {
	if a.Count == 0 {
		return 0
	}
	type bucket struct {
		bound time.Duration
		calls uint64
	}
	list := make([]bucket, 0, len(a.Within))
	for bound, n := range a.Within {
		list = append(list, bucket{bound, n})
	}
	slices.SortFunc(list, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
	wanted := share * float64(a.Count)
	var below bucket
	for _, b := range list {
		if float64(b.calls) >= wanted {
			part := (wanted - float64(below.calls)) / float64(b.calls-below.calls)
			return below.bound + time.Duration(part*float64(b.bound-below.bound))
		}
		below = b
	}
	return below.bound
}

func (a Answered) latency() latencyAnswer {
	return latencyAnswer{milliseconds(a.within(.5)), milliseconds(a.within(.99))}
}
