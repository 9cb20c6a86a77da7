package channels

import (
	"testing"
	"time"
)

// A user who comes and goes has one deadline, however often that is within the
// grace, and is offline a whole grace after the last time.
func TestUsers_ComingAndGoingWithinTheGrace_OneDeadline(t *testing.T) {
	d := newDesk(t)
	d.app.Watchlist = true
	d.hub.SetOfflineGrace(5 * time.Minute)
	watcher := d.visit()
	watcher.signsIn(`{"id":"8","watchlist":["7"]}`)
	watcher.got = nil
	for i := range 1000 {
		v := d.visit()
		v.signsIn(`{"id":"7"}`)
		v.leaves()
		if d.passes(time.Second); i == 0 {
			watcher.hears(watch("7", ""))
		}
	}
	if n := len(d.memory().schedule.due); n > 1 {
		t.Errorf("%d deadlines wait for one user", n)
	}
	d.passes(5*time.Minute - 2*time.Second)
	watcher.hears()
	d.passes(2 * time.Second)
	watcher.hears(watch("", "7"))
	if n := len(d.memory().schedule.due); n > 0 {
		t.Errorf("%d deadlines are left", n)
	}
	watcher.leaves()
	d.passes(time.Hour)
	d.empty()
}

// A shorter grace counts for whoever leaves from then on, though an earlier
// deadline is later.
func TestUsers_ShorterGrace_CountsFromThenOn(t *testing.T) {
	d := newDesk(t)
	d.app.Watchlist = true
	d.hub.SetOfflineGrace(5 * time.Minute)
	watcher := d.visit()
	watcher.signsIn(`{"id":"8","watchlist":["7"]}`)
	leave := func() {
		v := d.visit()
		v.signsIn(`{"id":"7"}`)
		v.leaves()
	}
	leave()
	d.hub.SetOfflineGrace(time.Second)
	leave()
	watcher.got = nil
	d.passes(time.Second)
	watcher.hears(watch("", "7"))
	leave() // and the deadline of five minutes ends nothing
	watcher.hears(watch("7", ""))
	d.passes(time.Hour)
	watcher.hears(watch("", "7"))
}
