package httpapi

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"fanfare/apps"
)

// Apps that come and go with the configuration leave nothing behind but the
// sums of all.
func TestForget_TenThousandAppsThatAreGone(t *testing.T) {
	app := apps.Default()
	app.ID, app.Keys = "stays", []apps.Key{{Key: "k", Secret: "s"}}
	app.Limits.EventsPerSecond = 10
	registry, err := apps.NewRegistry([]apps.App{app})
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{cfg: Config{Apps: registry, Now: time.Now}}
	s.requests.know([]string{"/r"})
	use := func(app *apps.App) {
		s.requests.add(app.ID, "/r", 200, time.Millisecond)
		s.rates.spend(app, 1, 10, time.Now())
		leave, err := s.listings.enter(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	use(&app)
	s.requests.add("", "/r", 404, time.Millisecond)
	for i := range 10_000 {
		gone := app
		gone.ID = fmt.Sprint("gone-", i)
		use(&gone)
		if i%100 == 99 {
			s.Forget()
		}
	}
	for what, left := range map[string]struct {
		in   *sync.Map
		want int
	}{"counts": {&s.requests.apps, 2}, "rates": {&s.rates.apps, 1}, "listings": {&s.listings.apps, 1}} {
		n := 0
		left.in.Range(func(_, _ any) bool { n++; return true })
		if n != left.want {
			t.Errorf("%s of %d apps are left, want %d", what, n, left.want)
		}
	}
	if l := s.Requests().Latencies; len(l) != 1 || l[0].Count != 10_002 {
		t.Errorf("latencies of all requests: %+v", l)
	}
}

// What addresses did is forgotten when the window is over, also if they never
// come again.
func TestForget_AddressesOfAWindowThatIsOver(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := &Server{cfg: Config{Now: func() time.Time { return now }}}
	counts := map[string]*addressCounts{
		"opens": &s.opens, "misses of sends": &s.sendGuesses.misses, "misses of receives": &s.receiveGuesses.misses, "refusals without TLS": &s.tlsRefusals,
	}
	for _, c := range counts {
		c.admit(netip.MustParseAddr("192.0.2.1"), 1, now)
	}
	now = now.Add(addressWindow)
	s.Forget()
	for what, c := range counts {
		if n := len(c.counts); n != 0 {
			t.Errorf("%s: %d addresses are kept", what, n)
		}
	}
}

// However many addresses come, and however fast, no more than a bound are told
// apart; and those of a moment ago are forgotten.
func TestAddressCounts_AreBounded(t *testing.T) {
	var counts addressCounts
	now := time.Unix(1_700_000_000, 0)
	addr := netip.MustParseAddr("2001:db8::")
	for range 5 * mostAddresses / 2 {
		if !counts.admit(addr, 1, now) {
			t.Fatalf("%v was refused at its first time", addr)
		}
		if n := len(counts.counts); n > mostAddresses {
			t.Fatalf("%d addresses are told apart", n)
		}
		addr = addr.Next()
	}
	if counts.admit(addr.Prev(), 1, now) {
		t.Error("the last address was admitted twice")
	}
	counts.forget(now.Add(addressWindow))
	if n := len(counts.counts); n != 0 {
		t.Errorf("%d addresses are kept after the window", n)
	}
}
