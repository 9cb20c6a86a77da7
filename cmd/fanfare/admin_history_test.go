package main

import (
	"testing"
	"time"

	"fanfare/adminapi"
	"fanfare/config"
)

func TestAdmin_History_InPagesAndEmptied(t *testing.T) {
	r := startAndEnd(t, func(c *config.Config) {
		c.Admin.Listen = "127.0.0.1:0"
		c.Apps[0].History = []config.HistoryRule{{Channels: "h-*", Events: 10, TTL: time.Hour}}
	})
	for _, data := range []string{`"one"`, `{"a":"<b>"}`, `"three"`} {
		if status := r.adminOf(t, "POST", "/api/v1/apps/app-id/events", `{"name":"e","data":`+data+`,"channels":["h-a"]}`, nil); status != 200 {
			t.Fatalf("send: %d", status)
		}
	}
	const path = "/api/v1/apps/app-id/channels/h-a/history"
	var texts []string
	for query := "?limit=2"; ; {
		var page struct {
			Events []adminapi.KeptEvent
			Next   string
		}
		if status := r.adminOf(t, "GET", path+query, "", &page); status != 200 {
			t.Fatalf("%s: %d", query, status)
		}
		for _, e := range page.Events {
			if e.Serial == "" || e.Name != "e" || e.Time.IsZero() || e.SocketID != "" {
				t.Errorf("got %+v", e)
			}
			texts = append(texts, e.Data)
		}
		if page.Next == "" {
			break
		}
		query = "?limit=2&cursor=" + page.Next
	}
	if len(texts) != 3 || texts[0] != "three" || texts[1] != `{"a":"<b>"}` || texts[2] != "one" {
		t.Errorf("got %q", texts)
	}
	for _, bad := range []string{path + "?cursor=eA", "/api/v1/apps/app-id/channels/a%20b/history", "/api/v1/apps/app-id/channels/%23server-to-user-7/history"} {
		if status := r.adminOf(t, "GET", bad, "", nil); status != 400 {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if status := r.adminOf(t, "DELETE", path, "", nil); status != 200 {
		t.Errorf("empty: %d", status)
	}
	var page struct{ Events []adminapi.KeptEvent }
	if r.adminOf(t, "GET", path, "", &page); page.Events == nil || len(page.Events) != 0 {
		t.Errorf("emptied, and there is %+v", page.Events)
	}
}
