// Package sockets carries sessions. It contains the event loops, their
// connections, and three ways to carry a session: a non-blocking descriptor in an
// epoll set (Linux), with or without TLS; a net.Conn with goroutines (other
// systems); and HTTP requests that poll or stream (httpSession).
//
// It implements RFC 6455, and as much of HTTP/1.1 as the loops need to accept
// connections themselves (Front). Of the channels it uses channels.Session only,
// which every connection embeds. A Door decides whether a request is an upgrade
// or publishes an event, and whether it is allowed. httpapi implements the Door,
// and passes connections that net/http has upgraded to Server.Serve. cmd runs and
// drains the Server.
//
// A connection belongs to one loop for its whole life: only the goroutine of that
// loop reads it, writes it, closes it and accesses its fields. All other
// goroutines send mail to the loop. In one turn, a loop reads what has arrived,
// handles its mail, writes each touched connection once, checks deadlines, and
// releases closed connections.
package sockets
