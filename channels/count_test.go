package channels

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
)

func counted(channel string, n int) string {
	return fmt.Sprintf(`{"event":"pusher_internal:subscription_count","channel":"%s","data":"{\"subscription_count\":%d}"}`, channel, n)
}

// counting has an app with counts and a channel with n sockets; the first
// socket is returned and heard nothing yet.
func counting(t *testing.T, n int) (*desk, []*visitor) {
	d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true })
	all := make([]*visitor, n)
	for i := range all {
		all[i] = d.visit()
		all[i].subscribes("news")
	}
	forget(all...)
	return d, all
}

func TestCount_FollowsSucceededAndTheCachedEvent(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true })
	v := d.visit()
	for _, channel := range []string{"news", "private-x"} {
		v.subscribes(channel)
		v.hears(succeeded(channel), counted(channel, 1))
	}
	v.subscribes("cache-x")
	v.hears(succeeded("cache-x"), miss("cache-x"), counted("cache-x", 1))
	d.publish("cache-x", "1")
	v.hears(event("cache-x", "1"))
	other := d.visit()
	other.subscribes("cache-x")
	other.hears(succeeded("cache-x"), event("cache-x", "1"), counted("cache-x", 2))
	v.hears(counted("cache-x", 2))
	other.subscribes("cache-x") // nothing changed
	other.hears(succeeded("cache-x"), event("cache-x", "1"))
	v.hears()
	other.unsubscribes("cache-x")
	v.hears(counted("cache-x", 1))
	other.hears()
}

// The Java client would decrypt a count that comes on an encrypted channel. A
// webhook may hear of it.
func TestCount_OnEncryptedAndPresenceChannels_IsNeverSent(t *testing.T) {
	for channel, observed := range map[string]bool{"private-encrypted-x": true, "private-encrypted-cache-x": true, "presence-x": false} {
		d := newDesk(t, func(a *apps.App) { a.SubscriptionCount = true })
		r := d.observes()
		v, other := d.visit(), d.visit()
		v.joins(channel, "1")
		forget(v)
		other.joins(channel, "1")
		other.leaves()
		v.hears()
		if got := strings.Contains(strings.Join(r.got, ", "), "1 count "+channel+" 2"); got != observed {
			t.Errorf("%s: a webhook hears %q", channel, r.got)
		}
	}
}

func TestCount_Off_IsNeverSent(t *testing.T) {
	d := newDesk(t)
	v := d.visit()
	v.subscribes("news")
	d.visit().subscribes("news")
	v.hears(succeeded("news"))
}

func TestCount_AboveAHundred_OneInFiveSecondsAndTheLastIsRight(t *testing.T) {
	d, all := counting(t, 100)
	a := all[0]
	for i := range 20 { // one a second, one more each time
		d.visit().subscribes("news")
		if i == 0 {
			d.passes(4999 * time.Millisecond)
			a.hears()
			d.passes(time.Millisecond)
			a.hears(counted("news", 101))
			continue
		}
		d.passes(time.Second)
	}
	a.hears(counted("news", 106), counted("news", 111), counted("news", 116))
	d.passes(5 * time.Second)
	a.hears(counted("news", 120))
	d.passes(time.Hour)
	a.hears() // it does not change any more
	d.visit().subscribes("news")
	a.hears(counted("news", 121)) // after a long silence there is nothing to wait for
}

func TestCount_BackToTheToldValue_IsNotToldAgain(t *testing.T) {
	d, all := counting(t, 101)
	d.passes(5 * time.Second)
	a := all[0]
	a.hears(counted("news", 101))
	v := d.visit()
	v.subscribes("news")
	v.leaves()
	d.passes(5 * time.Second)
	a.hears()
}

func TestCount_DownToAHundred_EveryChangeAgain(t *testing.T) {
	d, all := counting(t, 102)
	a := all[0]
	all[101].leaves() // 101: waits
	a.hears()
	all[100].leaves()
	all[99].leaves()
	a.hears(counted("news", 100), counted("news", 99))
	d.passes(5 * time.Second)
	a.hears() // told already
}

// A deadline of a channel's earlier life must not count for its next.
func TestCount_VacatedAndFullAgain_StillOneInFiveSeconds(t *testing.T) {
	d, all := counting(t, 101) // due at 5 s
	for _, v := range all {
		v.leaves()
	}
	d.passes(2 * time.Second)
	for i := range all {
		all[i] = d.visit()
		all[i].subscribes("news")
	}
	a := all[0]
	forget(a)
	told := make(map[time.Time]int)
	for range 40 {
		d.visit().subscribes("news")
		d.passes(500 * time.Millisecond)
		if len(a.got) > 0 {
			told[d.now] += len(a.got)
			forget(a)
		}
	}
	for at, n := range told {
		for other := range told {
			if gap := other.Sub(at); n > 1 || gap > 0 && gap < countInterval {
				t.Errorf("told %d times at %s and again %s later", n, at.Format("04:05.0"), gap)
			}
		}
	}
	if len(told) < 3 {
		t.Errorf("told %d times in 20 seconds", len(told))
	}
}

func TestCount_ComingAndGoingWithoutEnd_OneInFiveSeconds(t *testing.T) {
	d, all := counting(t, 50)
	d.app.Limits.SubscribesPerSecond = 0
	r := d.observes()
	a, v := all[0], d.visit()
	for range 500 {
		v.subscribes("news")
		v.unsubscribes("news")
	}
	v.subscribes("news")
	if len(a.got) != countBurst-50 || len(r.got) != len(a.got) { // fifty had come
		t.Errorf("one who comes and goes 500 times has %d counts sent, %d observed", len(a.got), len(r.got))
	}
	forget(a)
	d.passes(countInterval)
	a.hears(counted("news", 51)) // the last value
	v.leaves()
	a.hears(counted("news", 50)) // every change again
}
