package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Whatever JSON makes of it, a message of 2,000 characters is an event that the
// server takes.
func TestTrigger_LongestMessageFitsAnEvent(t *testing.T) {
	var size int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct{ Data string }
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Error(err)
		}
		size = len(event.Data)
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	a := &api{Config: Config{AppID: "demo", Key: "key", Secret: "secret", API: server.URL}, now: time.Now}
	name := strings.Repeat("🎉", maxName)
	for _, char := range []string{"<", "&", "\"", "\\", "\u2028", "🎉"} {
		text, err := checkText("x" + strings.Repeat(char, maxText-2) + "x")
		if err != nil {
			t.Fatal(err)
		}
		m := chatMessage{strings.Repeat("i", 64), text, userID(name, strings.Repeat("0", 64)), name, "2026-01-01T00:00:00.000Z"}
		if err := a.trigger(t.Context(), "presence-room-tea", "new-message", m, ""); err != nil {
			t.Fatal(err)
		}
		if most := 10 << 10; size == 0 || size > most { // max_event_bytes
			t.Errorf("%d times %q: %d bytes, an event has at most %d", maxText-2, char, size, most)
		}
	}
}
