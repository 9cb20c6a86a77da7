package adminapi

import (
	"strings"
	"testing"
	"testing/synctest"
)

// Few lists are made at a time, whatever they are of; others wait for their turn.
func TestLists_WaitForTheirTurn(t *testing.T) {
	for _, path := range []string{"/api/v1/apps", "/api/v1/apps/chat/channels", "/api/v1/apps/chat/users", "/api/v1/webhooks"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				for range mostListings {
					d.listings <- struct{}{}
				}
				if w := d.ask("GET", path, ""); w.Code != 429 {
					t.Errorf("one too many, which waited in vain: %d", w.Code)
				}
				answered := make(chan int, 1)
				go func() { answered <- d.ask("GET", path, "").Code }()
				synctest.Wait()
				select {
				case code := <-answered:
					t.Errorf("one too many did not wait: %d", code)
				default:
				}
				<-d.listings
				if code := <-answered; code != 200 {
					t.Errorf("after its turn has come: %d", code)
				}
				if len(d.listings) != mostListings-1 {
					t.Errorf("%d places are taken", len(d.listings))
				}
			})
		})
	}
}

// Whoever wants the secret of one app gets no other's.
func TestApps_OfOneAlone(t *testing.T) {
	d := newDesk(t)
	for app, ids := range map[string]string{"chat": `"id":"chat"`, "none": ""} {
		w := d.ask("GET", "/api/v1/apps?secrets=yes&app="+app, "")
		if w.Code != 200 || strings.Contains(w.Body.String(), `"id":"shop"`) || !strings.Contains(w.Body.String(), ids) || strings.Contains(w.Body.String(), "s2") {
			t.Errorf("%s: %d %s", app, w.Code, w.Body)
		}
	}
}
