package metrics

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"fanfare/channels"
)

func TestUsage_IsShareOfTheLimit(t *testing.T) {
	for _, tt := range []struct {
		used, limit int64
		want        string
	}{
		{256, 1024, `{"memory":{"free":768,"used":256,"total":1024,"percent":25}}`},
		{2048, 1024, `{"memory":{"free":0,"used":2048,"total":1024,"percent":200}}`},
		{256, math.MaxInt64, `{"memory":{"free":0,"used":256,"total":0,"percent":0}}`},
	} {
		if got := string(usageOf(tt.used, tt.limit)); got != tt.want {
			t.Errorf("%d of %d: got %s, want %s", tt.used, tt.limit, got, tt.want)
		}
	}
}

// What soketi answers beside its metrics.
func TestHandler_PathsOfSoketi(t *testing.T) {
	ready := false
	h := Handler(NewCollector(fixed(channels.Stats{}), func() bool { return ready }), "test")
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if w := get("/ready"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("/ready before it is: %d", w.Code)
	}
	ready = true
	if w := get("/ready"); w.Code != http.StatusOK || w.Body.String() != "OK" {
		t.Errorf("/ready: %d %s", w.Code, w.Body)
	}
	var usage struct{ Memory map[string]float64 }
	if w := get("/usage"); w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &usage) != nil || usage.Memory["used"] == 0 {
		t.Errorf("/usage: %d %s", w.Code, w.Body)
	}
	if w := get("/"); w.Code != http.StatusOK {
		t.Errorf("/: %d", w.Code)
	}
}
