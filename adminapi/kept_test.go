package adminapi

import (
	"encoding/json"
	"testing"
)

func TestChannelHistory_InPages_TextsForOperators(t *testing.T) {
	for _, c := range []struct{ role, want string }{{"read", "********"}, {"operate", "text"}} {
		d := withRoles(t)
		var first, second struct {
			Events []KeptEvent
			Next   string
		}
		for _, page := range []struct {
			query string
			to    any
		}{{"?limit=1", &first}, {"?limit=1&cursor=" + "MS0y", &second}} {
			w := d.ask("GET", "/api/v1/apps/chat/channels/a/history"+page.query, "", "Authorization", "Bearer "+c.role+"-token")
			if err := json.Unmarshal(w.Body.Bytes(), page.to); w.Code != 200 || err != nil {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		if len(first.Events) != 1 || first.Events[0].Serial != "1-2" || first.Next != "MS0y" {
			t.Errorf("as %s the first page is %+v", c.role, first)
		}
		if len(second.Events) != 1 || second.Events[0].Data != c.want || second.Next != "" {
			t.Errorf("as %s the second page is %+v, want %s", c.role, second, c.want)
		}
	}
}

func TestChannelHistory_Emptied_IsAudited(t *testing.T) {
	d := withRoles(t)
	w := d.ask("DELETE", "/api/v1/apps/chat/channels/presence-%3Cb%3E/history", "", "Authorization", "Bearer operate-token")
	if w.Code != 200 || len(d.fake.done) != 1 || d.fake.done[0] != "empty presence-<b> of chat" {
		t.Errorf("%d %s, did %q", w.Code, w.Body, d.fake.done)
	}
	if w := d.ask("DELETE", "/api/v1/apps/none/channels/a/history", "", "Authorization", "Bearer operate-token"); w.Code != 404 {
		t.Errorf("no app: %d %s", w.Code, w.Body)
	}
	if d.log.Len() == 0 {
		t.Error("no line of the log says so")
	}
}
