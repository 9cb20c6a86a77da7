package sockets

// Receive is an HTTP request on which a session answers. The handler writes each
// chunk and calls Server.Written; the session's loop does the rest.
type Receive struct {
	// Chunks delivers whole lines to write and flush. The response ends when the
	// channel is closed. It is nil if the loop writes the response from the start.
	Chunks chan []byte

	session   *conn // that it was given to; nil if there is none
	carrier   *conn // loop: the connection that the loop writes itself; nil if a handler does
	streaming bool
	opened    bool // the prelude was handed over
	busy      bool // the handler has a chunk in hand
	ended     bool
	units     int // UTF-16 units of this response so far
}

// streamUnits is the size of a response at which pusher-js asks for another
// one (docs/spec/http-fallback.md#rotation).
const streamUnits = 256 << 10

// NewReceive returns a Receive for xhr_streaming, or for xhr_polling if streaming
// is false.
func NewReceive(streaming bool) *Receive {
	// One place: the loop hands over a chunk only when the one before is
	// written, so it never waits for the handler.
	return &Receive{Chunks: make(chan []byte, 1), streaming: streaming}
}

// full reports whether a stream has said as much as its client will read.
func (r *Receive) full() bool { return r.streaming && r.units > streamUnits }

// transport is what the log calls it.
func (r *Receive) transport() string {
	if r.streaming {
		return "xhr_streaming"
	}
	return "xhr_polling"
}

// room is the size of a chunk from which on it fills the response.
func (r *Receive) room() int {
	left := streamUnits - r.units
	if r.streaming && !r.opened {
		left -= preludeSize + len("\n")
	}
	return left
}

// hand gives the handler a chunk, with the prelude before the first.
func (r *Receive) hand(chunk []byte) {
	if r.streaming && !r.opened {
		chunk = append(prelude(), chunk...)
	}
	r.opened = true
	r.busy = true
	r.units += len(chunk)
	switch {
	case r.carrier != nil:
		r.carrier.say(chunk)
	case r.Chunks != nil:
		r.Chunks <- chunk
	} // else the client has left, and the session is about to be told
}

// end ends the response after the chunk in hand.
func (r *Receive) end() {
	if !r.ended {
		r.ended = true
		if r.Chunks != nil {
			close(r.Chunks)
		}
		if r.carrier != nil {
			r.carrier.sayNoMore()
		}
	}
}

func prelude() []byte {
	b := make([]byte, preludeSize+1, preludeSize+512)
	for i := range preludeSize {
		b[i] = 'h'
	}
	b[preludeSize] = '\n'
	return b
}

// RefusalLines returns the whole response to a client that gets no session. It
// contains the close code, which would be lost in an HTTP status or a closed
// connection (docs/spec/http-fallback.md#lines).
func RefusalLines(streaming bool, errorPayload []byte, code int, reason string) []byte {
	var b []byte
	if streaming {
		b = prelude()
	}
	b = append(b, "o\na["...)
	b = appendQuoted(b, errorPayload)
	b = append(b, ']', '\n')
	return appendClose(b, code, reason)
}
