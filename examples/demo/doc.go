// Package demo is the chat of `fanfare demo`: a page, and the small back end
// that every chat needs (who are you, may you enter, send a message, who is
// here). It uses the server as any customer would, over the HTTP API with signed
// requests, and knows nothing of its inside.
//
// It is for one machine and one afternoon: it answers on loopback names only,
// keeps nothing, and whoever asks first for a name gets it. Nothing but the demo
// command may import it. examples/nextjs-chat is the one to build on. Both run the
// code of clients/room, which the page here finds below /lib.
package demo
