package bench

import (
	"maps"
	"math"
	"slices"
	"time"
)

// tally counts events by time, in slots of Unix time, so that the counts of several
// processes on one machine can be added. The zero value is ready to use.
type tally struct {
	First, Last int64           // times of the first and the last event, Unix time in ns; 0 means none
	Slots       map[int64]int64 // number of events by slot number
}

// tallySlot is the length of a slot, the resolution of a tally.
const tallySlot = 20 * time.Millisecond

// add counts n events at a time, Unix time in ns.
func (t *tally) add(at, n int64) {
	if t.Slots == nil {
		t.Slots = make(map[int64]int64)
	}
	if t.First == 0 || at < t.First {
		t.First = at
	}
	t.Last = max(t.Last, at)
	t.Slots[at/int64(tallySlot)] += n
}

// merge adds the counts of another tally.
func (t *tally) merge(other tally) {
	if other.First == 0 {
		return
	}
	if t.Slots == nil {
		t.Slots = make(map[int64]int64)
	}
	if t.First == 0 || other.First < t.First {
		t.First = other.First
	}
	t.Last = max(t.Last, other.Last)
	for slot, n := range other.Slots {
		t.Slots[slot] += n
	}
}

// total returns the number of all events.
func (t *tally) total() (n int64) {
	for _, k := range t.Slots {
		n += k
	}
	return n
}

// curve returns at most points+1 points: the end of a slot, in seconds after since and
// rounded to milliseconds, and the number of events up to then.
func (t *tally) curve(since time.Time, points int) (curve [][2]float64) {
	slots := slices.Sorted(maps.Keys(t.Slots))
	if len(slots) == 0 {
		return nil
	}
	after := func(ns int64) float64 { return max(0, math.Round(float64(ns-since.UnixNano())/1e6)/1000) }
	curve = append(curve, [2]float64{after(t.First), 0})
	n := int64(0)
	for i, slot := range slots {
		n += t.Slots[slot]
		// The last point is the last slot, whatever the step.
		if i == len(slots)-1 || (i+1)*points/len(slots) != i*points/len(slots) {
			curve = append(curve, [2]float64{after(min((slot+1)*int64(tallySlot), t.Last)), float64(n)})
		}
	}
	return curve
}

// share returns when a part of all events, between 0 and 1, had happened, to within
// a slot.
func (t *tally) share(part float64) time.Time {
	n, want := int64(0), int64(part*float64(t.total()))
	for _, slot := range slices.Sorted(maps.Keys(t.Slots)) {
		if n += t.Slots[slot]; n >= want {
			return time.Unix(0, min((slot+1)*int64(tallySlot), t.Last))
		}
	}
	return time.Unix(0, t.Last)
}
