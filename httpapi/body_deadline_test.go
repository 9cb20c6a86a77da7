package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fanfare/internal/account"
)

// timedBody is a body and the writer of its answer. It keeps the deadline that
// was set last, and the one in force when the body was read.
type timedBody struct {
	http.ResponseWriter
	*strings.Reader
	last, reading time.Time
}

func (b *timedBody) SetReadDeadline(at time.Time) error {
	b.last = at
	return nil
}

func (b *timedBody) Read(p []byte) (int, error) {
	b.reading = b.last
	return b.Reader.Read(p)
}

// A deadline that passes while a request is handled would end its context.
func TestBody_OnceItIsThere_NoDeadlineIsLeft(t *testing.T) {
	b := &timedBody{ResponseWriter: httptest.NewRecorder(), Reader: strings.NewReader("{}")}
	r := httptest.NewRequest(http.MethodPost, "/", b)
	if r.ContentLength == 0 {
		t.Fatal("the request has no body")
	}
	p := bodyPool{account: account.New(0)}
	if _, err := p.read(&exchange{ResponseWriter: b, r: r}, 100, time.Minute); err != nil {
		t.Fatal(err)
	}
	if b.reading.IsZero() || !b.last.IsZero() {
		t.Errorf("deadline %v while the body comes, %v after it", b.reading, b.last)
	}
}
