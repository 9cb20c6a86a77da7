// Package jsontext reads and writes JSON (RFC 8259) for the protocol's hot paths: it checks a text in one
// pass, returns the text of its values as slices of the input, and escapes strings once or twice.
// encoding/json would decode the data of every event and encode it again.
//
// It does not know the Pusher protocol; pusherproto calls it for everything that is received and sent.
// Text that is not JSON results in a fault that says what is wrong and at which byte. Only strings with
// escapes cause allocations.
package jsontext
