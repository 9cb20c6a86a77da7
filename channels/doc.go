// Package channels is the core of fanfare: the Hub with its channel table, the
// Session that speaks the Pusher protocol with one socket, presence, signed-in
// users and watchlists, cache channels, histories and subscription counts.
//
// It does not depend on HTTP, epoll or Redis. Transports (package sockets) run
// sessions through Conn and Owner; the state that the nodes of a cluster share is
// behind Cluster, whose default keeps it in memory; webhooks and metrics receive
// events through Observer.
//
// Concurrency: a Session, its subscriptions and the subscribers of a group belong
// to the owner's goroutine. The channel table is divided into stripes. A stripe's
// lock is held for membership changes and for posting a frame to the owners,
// never while writing to a socket. Locks are taken in one order: cluster, table,
// mailbox.
package channels
