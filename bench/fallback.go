package bench

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"fanfare/bench/client"
)

// How a fleet's sessions are carried.
const (
	ViaWebSocket = "websocket"
	ViaStreaming = "streaming"
	ViaPolling   = "polling"
)

// Transports returns all of them.
func Transports() []string { return []string{ViaWebSocket, ViaStreaming, ViaPolling} }

// fallback carries a fleet's sessions over HTTP as pusher-js does: a connection of
// each session receives its messages, as a stream or in polls. Messages of sessions
// are sent over connections that they share. It belongs to the loop's goroutine.
type fallback struct {
	fleet     *fleet
	streaming bool
	run       string // distinguishes the sessions of this run from those of others
	streams   []stream
	idle      []*client.Caller
	speaking  []int32  // by caller: the session whose message it sends
	waiting   []saying // messages that wait for a caller
	scratch   []byte
}

// stream is a response of a session that streams, as far as it has come.
type stream struct {
	begun   bool   // its head was read
	size    int    // bytes of messages in it
	partial []byte // a line whose end is in the next chunk
}

// streamSize is the size at which pusher-js ends a stream and requests the next
// one.
const streamSize = 256 << 10

// carry sets one of the Transports for a fleet's n sessions. It is called before
// open.
func (f *fleet) carry(via string, n int) error {
	switch {
	case via == "" || via == ViaWebSocket:
		return nil
	case f.target.Protocol == ProtocolCentrifugo:
		return errors.New("sessions over HTTP require the pusher protocol")
	case !slices.Contains(Transports(), via):
		return fmt.Errorf("unknown transport %q", via)
	}
	b := &fallback{fleet: f, streaming: via == ViaStreaming, run: rand.Text(), speaking: make([]int32, sayers)}
	if b.streaming {
		b.streams = make([]stream, n)
	}
	for i := range sayers {
		c := client.NewCaller(f.loop, f.target.addr, uint32(i))
		c.Answered = b.said
		b.idle = append(b.idle, c)
	}
	f.fallback = b
	return nil
}

// appendRequest appends the beginning of a request to one of a session's paths, up
// to the value of Content-Length.
func (b *fallback) appendRequest(dst []byte, index int32, action string) []byte {
	dst = append(append(dst, "POST /pusher/app/"...), b.fleet.target.Key...)
	dst = strconv.AppendInt(append(dst, '/'), int64(index)%1000, 10)
	dst = append(append(dst, '/'), b.run...)
	dst = strconv.AppendInt(append(dst, '-'), int64(index), 10)
	dst = append(append(append(dst, '/'), action...), "?protocol=7&client=js&version=8.6.0 HTTP/1.1\r\nHost: "...)
	return append(append(dst, b.fleet.target.Host...), "\r\nContent-Length: "...)
}

// opened starts to receive a session's messages on a connection.
func (b *fallback) opened(c *client.Conn) {
	if p := b.fleet.peerOf(c); p.state == peerUpgrading {
		p.state = peerGreeting
	}
	if b.streaming {
		s := &b.streams[c.Index]
		s.begun, s.size, s.partial = false, 0, nil
	}
	b.receive(c)
}

func (b *fallback) receive(c *client.Conn) {
	action := "xhr"
	if b.streaming {
		action = "xhr_streaming"
	}
	b.scratch = append(b.appendRequest(b.scratch[:0], c.Index, action), "0\r\n\r\n"...)
	b.fleet.loop.Write(c, b.scratch)
}

// arrived handles the complete responses, or chunks of a stream, at the front of p.
func (b *fallback) arrived(c *client.Conn, p []byte) (used int) {
	for used < len(p) && c.Open() {
		n, err := 0, error(nil)
		if b.streaming {
			n, err = b.chunk(c, p[used:])
		} else {
			n, err = b.polled(c, p[used:])
		}
		if err != nil {
			b.fleet.loop.Lose(c, err)
			return used
		}
		if n == 0 {
			return used
		}
		used += n
	}
	return used
}

// polled handles a whole response and sends the next poll.
func (b *fallback) polled(c *client.Conn, p []byte) (size int, err error) {
	r, err := client.ReadResponse(p)
	if err != nil || r.Size == 0 {
		return 0, err
	}
	if r.Status != 200 || r.Closes {
		return 0, fmt.Errorf("poll: HTTP %d, and the connection is closed: %t", r.Status, r.Closes)
	}
	b.receive(c) // at once, as pusher-js does
	for line := range bytes.Lines(r.Body) {
		if c.Open() {
			b.line(c, bytes.TrimSuffix(line, []byte{'\n'}))
		}
	}
	return r.Size, nil
}

// chunk handles the head of a stream, or a chunk of it.
func (b *fallback) chunk(c *client.Conn, p []byte) (size int, err error) {
	s := &b.streams[c.Index]
	if !s.begun {
		end := bytes.Index(p, []byte("\r\n\r\n"))
		if end < 0 {
			return 0, nil
		}
		if !bytes.HasPrefix(p, []byte("HTTP/1.1 200")) {
			return 0, fmt.Errorf("stream: %.40s", p)
		}
		s.begun = true
		return end + 4, nil
	}
	digits := bytes.Index(p, []byte("\r\n"))
	if digits < 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(string(p[:digits]), 16, 24)
	if err != nil {
		return 0, fmt.Errorf("a chunk of a stream: %w", err)
	}
	from, to := digits+2, digits+2+int(n)
	if len(p) < to+2 {
		return 0, nil
	}
	if n == 0 { // the server has ended it
		s.begun, s.size = false, 0
		b.receive(c)
		return to + 2, nil
	}
	s.size += int(n)
	b.lines(c, s, p[from:to])
	if c.Open() && s.size > streamSize {
		return to + 2, b.renew(c)
	}
	return to + 2, nil
}

func (b *fallback) lines(c *client.Conn, s *stream, p []byte) {
	for len(p) > 0 && c.Open() {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			s.partial = append(s.partial, p...)
			return
		}
		line := p[:end]
		p = p[end+1:]
		if len(s.partial) > 0 {
			line, s.partial = append(s.partial, line...), nil
		}
		b.line(c, line)
	}
}

// renew ends a long stream, and requests the next.
func (b *fallback) renew(c *client.Conn) error {
	f, i := b.fleet, int(c.Index)
	f.loop.HangUp(c, true)
	next, err := f.loop.Dial(f, i, f.address(i), f.target.source(i))
	if err != nil {
		f.Ended(c, err)
		return nil
	}
	f.conns[i] = next
	return nil
}

// line handles a line: o and h are frames of their own, a is an array of messages
// and c the end.
func (b *fallback) line(c *client.Conn, line []byte) {
	f := b.fleet
	switch {
	case len(line) == 0:
	case line[0] == 'h' && len(line) == 1:
		if b.streaming {
			b.say(c.Index, []byte("[]")) // the answer to a heartbeat
		}
	case line[0] == 'c':
		f.loop.Lose(c, fmt.Errorf("closed by the server: %.100s", line[1:]))
	case line[0] == 'a':
		now := f.loop.Now()
		if f.ledger != nil && f.peerOf(c).state == peerJoined && f.returning == nil {
			if text := findStamp(line); text != nil {
				b.events(c, line, now)
				return
			}
		}
		var messages []string
		if err := json.Unmarshal(line[1:], &messages); err != nil {
			f.loop.Lose(c, fmt.Errorf("a line of a session: %w", err))
			return
		}
		for _, m := range messages {
			if c.Open() {
				f.text(c, []byte(m), now)
			}
		}
	}
}

// events counts the events of a line without decoding it. The rest of the line is
// not needed after the subscription.
func (b *fallback) events(c *client.Conn, line []byte, now int64) {
	for {
		at := bytes.IndexByte(line, stampMark)
		if at < 0 || len(line) < at+stampSize {
			return
		}
		b.fleet.book(c, line[at:at+stampSize], now)
		line = line[at+stampSize:]
	}
}
