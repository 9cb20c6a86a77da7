package webhooks

import "net/url"

// Tracer is notified of delivery attempts.
type Tracer interface {
	// Attempt is called when an attempt begins. It returns the value of the
	// header traceparent ("" to send none) and a function to call at the end
	// with the status of the answer (0 without an answer) and the error.
	Attempt(a *TracedAttempt) (traceparent string, end func(status int, err error))
}

// TracedAttempt is a delivery attempt, without the content of events.
type TracedAttempt struct {
	App      string   // id
	Endpoint int      // position in the app's list, from 0
	URL      *url.URL // its path and query may hold a secret
	Number   int      // from 1
	Events   int
	First    string // traceparent of the first attempt; "" in the first attempt itself
}

// attempts are the attempts of one request.
type attempts struct {
	n     int
	first string // traceparent
	end   func(status int, err error)
}

// began notifies the tracer, if there is one, of a new attempt.
func (e *endpoint) began(t *attempts, events int) (traceparent string) {
	if e.tracer == nil {
		return ""
	}
	t.n++
	traceparent, t.end = e.tracer.Attempt(&TracedAttempt{
		App: e.app, Endpoint: e.present.Load().index, URL: e.url, Number: t.n, Events: events, First: t.first,
	})
	if t.n == 1 {
		t.first = traceparent
	}
	return traceparent
}

// ended notifies the tracer of the end of an attempt.
func (t *attempts) ended(status int, err error) {
	if t.end != nil {
		t.end(status, err)
	}
}
