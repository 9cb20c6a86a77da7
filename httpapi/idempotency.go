package httpapi

import (
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// headerKey makes a call idempotent, whatever it publishes.
const headerKey = "Idempotency-Key"

var twoKeys = &pusherproto.Error{Code: 400, Message: "the header Idempotency-Key is sent more than once; send it once"}

// claim gives events the idempotency key of the request's header, if it has
// one. channel is "" unless the path names it.
func (x *exchange) claim(r *request, events []pusherproto.Event, channel string) error {
	keys := x.r.Header[headerKey]
	switch len(keys) {
	case 0:
		return nil
	case 1:
		if bad := pusherproto.ClaimCall(events, keys[0], r.body, r.query, channel); bad != nil {
			return bad
		}
		return nil
	default:
		return twoKeys
	}
}

// claimOne is claim for a single event.
func (x *exchange) claimOne(r *request, ev *pusherproto.Event, channel string) error {
	if len(x.r.Header[headerKey]) == 0 {
		return nil
	}
	events := []pusherproto.Event{*ev}
	err := x.claim(r, events, channel)
	ev.Claim = events[0].Claim
	return err
}

// claims does the same for a call on an event loop and reports whether it
// could.
func claims(r *sockets.Request, query string, events []pusherproto.Event) bool {
	key, n := r.Header(headerKey)
	if n == 0 {
		return true
	}
	return n == 1 && pusherproto.ClaimCall(events, string(key), r.Body, pusherproto.ParseQuery(query), "") == nil
}
