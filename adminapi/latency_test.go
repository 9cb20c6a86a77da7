package adminapi

import (
	"testing"
	"time"
)

func TestAnswered_Within(t *testing.T) {
	const ms = time.Millisecond
	before := Answered{Count: 10, Within: map[time.Duration]uint64{ms: 10, 10 * ms: 10}}
	now := Answered{Count: 110, Within: map[time.Duration]uint64{ms: 60, 10 * ms: 108}}
	d := now.since(before)
	for share, want := range map[float64]time.Duration{.25: ms / 2, .5: ms, .74: ms + 9*ms/2, .98: 10 * ms, 1: 10 * ms} {
		if got := d.within(share).Round(time.Microsecond); got != want {
			t.Errorf("%v of the calls took at most %v, want %v", share, got, want)
		}
	}
	if got := now.since(now).latency(); got != (latencyAnswer{}) {
		t.Errorf("no calls took %v", got)
	}
	if got := before.since(now).Count; got != 10 {
		t.Errorf("after a count that went back there are %d calls, want those of now", got)
	}
}
