// Package webhooks notifies back ends of events in their channels. It observes
// the channel core and posts signed requests to the endpoints of each app, in
// order. A failed request is repeated for five minutes. Observing never blocks
// a socket. The package is independent of configuration files and metrics
// formats; cmd/fanfare creates a Sender and runs it.
//
// An event passes through:
//
//	Observe     filter; hold removals back for the grace; encode the event once
//	queue       bounded, one for each endpoint; what is dropped for want of room is
//	            what anybody could cause, of the channel with the most
//	journal     mirrors the queues on disk, if there is a store
//	endpoint    one goroutine: batch, sign, post, wait and try again
package webhooks
