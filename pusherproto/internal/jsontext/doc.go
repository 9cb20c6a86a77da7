// Package jsontext reads and writes JSON (RFC 8259) as the protocol's hot paths need it: it checks a text
// in one pass, hands out the text of its values as slices of the input, and escapes strings once or twice
// over. encoding/json would decode the data of every event, and encode it again.
//
// It knows nothing of Pusher; pusherproto calls it for whatever arrives and whatever is sent. What is no
// JSON is a fault that says what and where. Nothing here allocates but for strings with escapes.
package jsontext
