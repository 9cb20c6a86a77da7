// Package sockets carries sessions over WebSocket: the event loops, the
// connections they own, and the two links below a connection, a non-blocking
// descriptor in an epoll set (Linux) or a net.Conn with goroutines (TLS, other
// systems).
//
// It knows RFC 6455 and nothing of channels beyond channels.Session, which
// every connection embeds. httpapi hands upgraded connections to Server.Serve;
// cmd runs and drains the Server.
//
// A connection belongs to one loop for its whole life: only the loop's
// goroutine reads it, writes it, closes it and touches its fields. Everybody
// else sends the loop mail. A turn of a loop is: take what is readable, take
// the mail, write each touched connection once, look at deadlines, bury the
// dead.
package sockets
