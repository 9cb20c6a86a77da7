// Package sockets carries sessions: the event loops, the connections they own,
// and what is below a connection. That is a non-blocking descriptor in an epoll
// set (Linux), with TLS over it or without, a net.Conn with goroutines (other
// systems), or requests that poll and stream (httpSession).
//
// It knows RFC 6455, as much of HTTP/1.1 as lets a loop accept connections
// itself (Front), and nothing of channels beyond channels.Session, which every
// connection embeds. Whether a request is an upgrade or an event, and allowed,
// its Door says; httpapi implements that, and hands over what came through
// net/http to Server.Serve. cmd runs and drains the Server.
//
// A connection belongs to one loop for its whole life: only the loop's
// goroutine reads it, writes it, closes it and touches its fields. Everybody
// else sends the loop mail. A turn of a loop is: take what is readable, take
// the mail, write each touched connection once, look at deadlines, release
// what was closed.
package sockets
