package webhooks

import "net/url"

// Tracer receives attempts to deliver.
type Tracer interface {
	// Attempt is called when an attempt begins. It returns the header traceparent,
	// "" for none, and a function that is called with the status of the answer, 0
	// if there was none, and the error.
	Attempt(a *TracedAttempt) (traceparent string, end func(status int, err error))
}

// TracedAttempt is an attempt to deliver. There is nothing of the events in it.
type TracedAttempt struct {
	App      string   // id
	Endpoint int      // place in the app's list
	URL      *url.URL // whose path and query may hold a secret
	Number   int      // from 1
	Events   int
	First    string // the traceparent of the first attempt; "" for that itself
}

// attempts are those of one request.
type attempts struct {
	n     int
	first string // traceparent
	end   func(status int, err error)
}

// began tells the tracer, if there is one, of an attempt that begins.
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

// ended tells it how the attempt ended.
func (t *attempts) ended(status int, err error) {
	if t.end != nil {
		t.end(status, err)
	}
}
