package httpapi

import (
	"testing"
	"time"

	"fanfare/apps"
)

// A loop that cannot publish at once leaves the request to net/http, which
// charges the app itself.
func TestEventRates_ACancelledChargeIsGivenBack(t *testing.T) {
	app := apps.Default()
	app.Limits.EventsPerSecond = 50
	var rates eventRates
	now := time.Now()
	taken, wait := rates.spend(&app, 50, now)
	if wait != 0 {
		t.Fatalf("the first second's events wait %s", wait)
	}
	if _, wait := rates.spend(&app, 1, now); wait == 0 {
		t.Error("51 events in a second")
	}
	taken.cancel(now)
	if _, wait := rates.spend(&app, 50, now); wait != 0 {
		t.Errorf("after all were given back, they wait %s", wait)
	}
}
