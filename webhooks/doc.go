// Package webhooks tells back ends what happens in their channels: it listens
// to the channel core as an observer and posts signed requests to the
// endpoints of each app, in order, again and again for five minutes, without
// ever holding up a socket. It knows nothing of configuration files or
// metrics formats; cmd/fanfare makes a Sender and runs it.
//
// The way of a notice:
//
//	Observe     filter; hold removals back for the grace; encode the event once
//	queue       bounded, one for each endpoint; what is dropped for want of room is
//	            what anybody could cause, of the channel with the most
//	journal     mirrors the queues on disk, if there is a store
//	endpoint    one goroutine: batch, sign, post, wait and try again
package webhooks
