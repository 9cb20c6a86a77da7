package webhooks

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

// witness is a Tracer that keeps what it is told.
type witness struct {
	mu       sync.Mutex
	attempts []string
	ends     []string
}

// Attempt implements Tracer.
func (w *witness) Attempt(a *TracedAttempt) (traceparent string, end func(int, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts = append(w.attempts, fmt.Sprintf("%s/%d %s %d, %d events, after %q", a.App, a.Endpoint, a.URL.Host, a.Number, a.Events, a.First))
	n := len(w.attempts)
	return fmt.Sprintf("parent-%d", n), func(status int, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ends = append(w.ends, fmt.Sprintf("%d: %d %v", n, status, err))
	}
}

// Each attempt is told of, names the first, and has its header. The signature is
// of the body alone, which does not change.
func TestTracer_IsToldOfEachAttempt_WhichHasItsHeader(t *testing.T) {
	w := &witness{}
	o := &outside{answer: func(n int, _ *http.Request) (int, error) {
		switch n {
		case 1:
			return 500, nil
		case 2:
			return 0, errReset
		}
		return 200, nil
	}}
	cfg := Config{Tracer: w, Endpoints: map[string][]Endpoint{"a": {{URL: "http://hooks.test/", Headers: map[string]string{"Traceparent": "theirs", "Tracestate": "theirs"}}}}}
	during(t, cfg, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("private-x"))
		pass(time.Minute)
		s.Observe(occupied("private-y"))
		pass(time.Second)
	})
	want := []string{
		`a/0 hooks.test 1, 1 events, after ""`, `a/0 hooks.test 2, 1 events, after "parent-1"`, `a/0 hooks.test 3, 1 events, after "parent-1"`,
		`a/0 hooks.test 1, 1 events, after ""`,
	}
	if diff := cmp.Diff(want, w.attempts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1: 500 answered 500", "2: 0 " + errReset.Error(), "3: 200 <nil>", "4: 200 <nil>"}, w.ends); diff != "" {
		t.Error(diff)
	}
	requests := o.seen()
	for i, r := range requests {
		signature := pusherproto.SignWebhook(testApp("a").Keys[0].Secret, []byte(r.body))
		if got := r.header["Traceparent"]; !cmp.Equal(got, []string{fmt.Sprintf("parent-%d", i+1)}) || r.header["Tracestate"] != nil || r.header.Get("X-Pusher-Signature") != signature {
			t.Errorf("request %d: %v", i, r.header)
		}
	}
	if len(requests) != 4 {
		t.Errorf("%d requests", len(requests))
	}
}

func TestTracer_None_SendsNoHeader(t *testing.T) {
	o := &outside{}
	during(t, Config{}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("private-x"))
		pass(time.Second)
	})
	if r := o.seen(); len(r) != 1 || r[0].header["Traceparent"] != nil {
		t.Errorf("%+v", r)
	}
}

// An attempt that the end of the process cuts short ends too.
func TestTracer_IsToldOfAnAttemptThatIsCutShort(t *testing.T) {
	w := &witness{}
	o := &outside{answer: func(_ int, r *http.Request) (int, error) {
		<-r.Context().Done()
		return 0, r.Context().Err()
	}}
	during(t, Config{Tracer: w}, o, func(t *testing.T, s *Sender) {
		s.Observe(occupied("private-x"))
		pass(time.Second)
	})
	if want := []string{"1: 0 context canceled"}; !cmp.Equal(want, w.ends) {
		t.Errorf("%q", w.ends)
	}
}
