// Package channels is the core of fanfare: the Hub with its channel table, the
// Session that speaks the Pusher protocol with one socket, presence, signed-in
// users and watchlists, cache channels and subscription counts.
//
// It never learns what HTTP, epoll or Redis is. Transports (package sockets)
// run sessions through Conn and Owner; what a cluster knows in common sits
// behind Cluster, whose in-memory form is the default; webhooks and metrics
// listen through Observer.
//
// Who may touch what: a Session, its subscriptions and the subscribers of a group
// belong to the owner's goroutine. The channel table is striped and locked for
// membership changes and for handing a frame to the owners, never while
// writing to a socket. Locks are taken in one order: cluster, table, mailbox.
package channels
