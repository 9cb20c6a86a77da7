package channels

import (
	"strings"
	"testing"

	"fanfare/apps"
	"fanfare/internal/account"
)

// An operator keeps one app from using up the node: each limit of the app
// refuses what is new, keeps what is there, and ends when there is room again.
// Other apps do not notice.
func TestBounds_OfAnApp_RefuseWhatIsNew(t *testing.T) {
	for _, test := range []struct {
		name, says string
		limits     func(l *apps.Limits, held *account.Account)
		there      bool // others may subscribe to a channel that is there
	}{
		{"channels", "The app is at its limit of 2 channels on this server", func(l *apps.Limits, _ *account.Account) { l.MaxChannels = 2 }, true},
		{"subscriptions", "The app is at its limit of 2 subscriptions on this server", func(l *apps.Limits, _ *account.Account) { l.MaxAppSubscriptions = 2 }, false},
		{"bytes", "bytes of memory on this server", func(l *apps.Limits, held *account.Account) { l.MaxHeldBytes = int(held.Bytes()) - 1 }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t)
			v, w := d.visit(), d.visit()
			v.subscribes("one")
			v.subscribes("two")
			forget(v)
			test.limits(&d.app.Limits, d.hub.Account(&d.app))
			v.subscribes("three")
			if says := v.hearsRefusal("three", "LimitReached", 4004); !strings.Contains(says, test.says) || !strings.HasSuffix(says, "; subscribe again in a while") {
				t.Errorf("the client is told %q", says)
			}
			v.subscribes("one") // it is there
			v.hears(succeeded("one"))
			w.subscribes("one")
			if test.there {
				w.hears(succeeded("one"))
			} else {
				w.hearsRefusal("one", "LimitReached", 4004)
			}
			for _, r := range d.hub.Stats().Refused {
				if r.App != "1" || r.Code != 4004 || r.Reason != ReasonAppLimit {
					t.Errorf("counted as %+v", r)
				}
			}
			other := d.app
			other.ID, other.Limits = "2", apps.DefaultLimits()
			x := d.visitApp(&other)
			x.subscribes("three")
			x.hears(succeeded("three"))
			v.unsubscribes("two")
			v.subscribes("three")
			v.hears(succeeded("three"))
			x.leaves()
			v.leaves()
			w.leaves()
			d.empty()
		})
	}
}

// Nobody signs in for nothing because the app is full, but no watchlist is
// watched.
func TestBounds_OfAnApp_AWatchlistIsNotWatched(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxAppSubscriptions = 1 })
	v := d.visit()
	v.subscribes("one")
	forget(v)
	v.signsIn(`{"id":"7","watchlist":["8"]}`)
	if says := v.hearsError(4302, ""); !strings.Contains(says, "limit of 1 subscriptions") || !strings.Contains(says, "nobody on the watchlist is watched") {
		t.Errorf("the client is told %q", says)
	}
	v.hearsPart("signin_success")
	v.hears()
	if refused := d.hub.Stats().Refused; len(refused) != 1 || refused[0] != (Refusal{"1", 4302, ReasonAppLimit, 1}) {
		t.Errorf("counted as %v", refused)
	}
	d.app.Limits.MaxAppSubscriptions = 0
	v.signsIn(`{"id":"7","watchlist":["8"]}`)
	v.hearsPart("signin_success")
	v.hearsPart("watchlist_events")
	v.leaves()
	d.empty()
}

// What is held for an app is a part of what is held in all, and ends at the
// app's limit, also for those who hold something else for it.
func TestAccount_OfAnApp_IsAPartAndHasItsBound(t *testing.T) {
	d := newDesk(t, func(a *apps.App) { a.Limits.MaxHeldBytes = 1000 })
	v := d.visit()
	held := v.Account()
	if held != d.hub.Account(&d.app) || held.Most() != 1000 {
		t.Errorf("the session's account ends at %d", held.Most())
	}
	held.Hold(account.Bodies, 1001)
	if !held.Full() || d.hub.tenants.account.Full() || d.hub.tenants.account.Bytes() < 1001 {
		t.Errorf("full: %v, the whole: %v with %d bytes", held.Full(), d.hub.tenants.account.Full(), d.hub.tenants.account.Bytes())
	}
	v.subscribes("x")
	v.hearsRefusal("x", "LimitReached", 4004)
	held.Release(account.Bodies, 1001)
	v.subscribes("x")
	v.hears(succeeded("x"))
	renewed := d.app
	renewed.Limits.MaxHeldBytes = 0
	v.Renew(&renewed)
	if held.Most() != 0 {
		t.Errorf("after a reload without a limit it ends at %d", held.Most())
	}
	v.leaves()
	d.empty()
}
