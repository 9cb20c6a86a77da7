package httpapi

import (
	"errors"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/channels"
)

// A loop that cannot publish at once leaves the request to net/http, which
// charges the app itself. In a cluster an answer may take a while, and others
// publish meanwhile.
func TestEventRates_WhatWasNotDeliveredIsGivenBack(t *testing.T) {
	for _, err := range []error{channels.ErrAway, channels.ErrBusy, channels.ErrDraining, errors.New("the caller is gone")} {
		app := apps.Default()
		var rates eventRates
		now := time.Now()
		taken, wait := rates.spend(&app, 40, 50, now)
		if wait != 0 {
			t.Fatalf("the first second's events wait %s", wait)
		}
		if _, wait := rates.spend(&app, 10, 50, now); wait != 0 {
			t.Fatalf("the rest of them waits %s", wait)
		}
		if _, wait := rates.spend(&app, 1, 50, now); wait == 0 {
			t.Error("51 events in a second")
		}
		if got := taken.settle(err); !errors.Is(got, err) {
			t.Errorf("got %v", got)
		}
		if _, wait := rates.spend(&app, 40, 50, now); wait != 0 {
			t.Errorf("after they were given back, they wait %s", wait)
		}
		if _, wait := rates.spend(&app, 1, 50, now); wait == 0 {
			t.Error("more was given back than was taken")
		}
	}
}

func TestEventRates_WhatMayHaveBeenDeliveredIsSpent(t *testing.T) {
	for _, err := range []error{nil, channels.ErrDoubt} {
		app := apps.Default()
		var rates eventRates
		now := time.Now()
		taken, _ := rates.spend(&app, 50, 50, now)
		_ = taken.settle(err)
		if _, wait := rates.spend(&app, 1, 50, now); wait == 0 {
			t.Errorf("it was given back after %v", err)
		}
	}
}

// A limit that is lower from one moment to the next leaves nothing saved above it.
func TestEventRates_ALowerLimitCountsAtOnce(t *testing.T) {
	app := apps.Default()
	var rates eventRates
	now := time.Now()
	_, _ = rates.spend(&app, 1, 500, now)
	if _, wait := rates.spend(&app, 20, 20, now); wait != 0 {
		t.Errorf("a second's worth waits %s", wait)
	}
	if _, wait := rates.spend(&app, 1, 20, now); wait != 50*time.Millisecond {
		t.Errorf("one more waits %s", wait)
	}
	if _, wait := rates.spend(&app, 20, 20, now.Add(-time.Hour)); wait != time.Second {
		t.Errorf("with a clock that was set back, a second's worth waits %s", wait)
	}
}
