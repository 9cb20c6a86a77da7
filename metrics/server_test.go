package metrics

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A scrape that comes while as many as may be are being answered is answered
// after them, unless its caller has left.
func TestInTurn_WaitsForTheOthers(t *testing.T) {
	answering, goOn := make(chan struct{}), make(chan struct{})
	h := inTurn(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		answering <- struct{}{}
		<-goOn
	}))
	done := make(chan int)
	for range scrapesAtOnce + 1 {
		go func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			done <- w.Code
		}()
	}
	for range scrapesAtOnce {
		<-answering
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(left, http.MethodGet, "/metrics", nil)) // returns
	select {
	case <-answering:
		t.Fatal("one more than may be was answered at once")
	default:
	}
	close(goOn)
	<-answering
	for range scrapesAtOnce + 1 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("status %d", code)
		}
	}
}
