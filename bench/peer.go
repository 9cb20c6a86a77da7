package bench

import (
	"bytes"
	"fmt"

	"fanfare/bench/client"
	"fanfare/pusherproto"
)

// peer is the state of a connection that its fleet keeps.
type peer struct {
	state peerState
	id    pusherproto.SocketID
	began int64  // when it was dialled
	asked int64  // when it asked to join, or to leave
	got   uint32 // distinct events
}

type peerState uint8

const (
	peerUpgrading peerState = iota
	peerGreeting            // waits for connection_established
	peerWaiting             // for the other sockets, before it subscribes
	peerJoining             // waits for subscription_succeeded
	peerJoined
)

func (s peerState) String() string {
	return [...]string{"upgrading", "waiting for connection_established", "waiting to subscribe", "subscribing", "subscribed"}[s]
}

// peerOf returns the fleet's state of a connection.
func (f *fleet) peerOf(c *client.Conn) *peer { return &f.peers[c.Index] }

// Arrived implements handler.
func (f *fleet) Arrived(c *client.Conn, b []byte) (used int) {
	if f.fallback != nil {
		return f.fallback.arrived(c, b)
	}
	if f.peerOf(c).state == peerUpgrading {
		n, err := f.upgrade.Check(b)
		if err != nil {
			f.loop.Lose(c, err)
			return 0
		}
		if n == 0 {
			return 0
		}
		f.peerOf(c).state = peerGreeting
		used = n
		if f.target.dialect.upgraded(f, c); !c.Open() {
			return used
		}
	}
	now := f.loop.Now()
	for {
		op, payload, n, err := client.NextFrame(b[used:])
		if err != nil {
			f.loop.Lose(c, err)
			return used
		}
		if n == 0 {
			return used
		}
		used += n
		if op == client.OpText {
			f.texts(c, payload, now)
		} else {
			f.control(c, op, payload)
		}
		if !c.Open() {
			return used
		}
	}
}

func (f *fleet) book(c *client.Conn, text []byte, now int64) {
	s, fresh := f.ledger.arrived(c.Index, text, now)
	if !fresh {
		return
	}
	f.peerOf(c).got++
	if f.onEvent != nil {
		f.onEvent(c, s)
	}
}

// texts handles a text message, or the messages in its lines.
func (f *fleet) texts(c *client.Conn, payload []byte, now int64) {
	if !f.target.dialect.lines() {
		f.text(c, payload, now)
		return
	}
	for more := true; more && c.Open(); {
		var line []byte
		if line, payload, more = bytes.Cut(payload, []byte{'\n'}); len(line) > 0 {
			f.text(c, line, now)
		}
	}
}

// text handles one message: an event of the benchmark, or any other message of the
// server.
func (f *fleet) text(c *client.Conn, message []byte, now int64) {
	if f.ledger != nil {
		if text := findStamp(message); text != nil {
			if f.returning != nil {
				f.returning.note(c.Index, f.peerOf(c).id, message)
			}
			f.book(c, text, now)
			return
		}
	}
	f.target.dialect.hear(f, c, message)
}

func (f *fleet) control(c *client.Conn, op byte, payload []byte) {
	switch op {
	case client.OpPing:
		f.send(c, client.OpPong, payload)
	case client.OpClose:
		if len(payload) > 2 {
			f.loop.Lose(c, fmt.Errorf("closed by the server: %d %.100s", int(payload[0])<<8|int(payload[1]), payload[2:]))
			return
		}
		f.loop.Lose(c, nil)
	}
}

// established records that a socket has received connection_established. The socket
// now subscribes, or waits until the fleet admits all sockets.
func (f *fleet) established(c *client.Conn, id pusherproto.SocketID) {
	p := f.peerOf(c)
	if p.state != peerGreeting {
		return
	}
	p.id = id
	if f.gathers {
		p.state = peerWaiting
		f.pending--
		f.dial()
		return
	}
	p.state = peerJoining
	f.subscribe(c)
}

// admit subscribes all waiting sockets. The loop calls it.
func (f *fleet) admit() {
	for _, c := range f.conns {
		if p := f.peerOf(c); c.Open() && p.state == peerWaiting {
			p.state, p.began = peerJoining, f.loop.Now()
			f.pending++
			f.subscribe(c)
		}
	}
}

// join records that a socket is subscribed.
func (f *fleet) join(c *client.Conn) {
	f.peerOf(c).state = peerJoined
	f.pending--
	f.joined++
	record(f.joining, f.loop.Now()-f.peerOf(c).began)
	if f.ledger != nil && f.ledger.since != nil {
		f.ledger.since[c.Index] = f.loop.Now()
	}
	if f.silences(int(c.Index)) {
		f.loop.Mute(c)
	} else {
		f.live[f.channelOf(c)]++
	}
	f.dial()
}

// subscribe sends a socket's subscription.
func (f *fleet) subscribe(c *client.Conn) {
	f.peerOf(c).asked = f.loop.Now()
	f.scratch = f.target.dialect.appendSubscribe(f.scratch[:0], f, c)
	f.send(c, client.OpText, f.scratch)
}

// memberOf returns a socket's channel_data, "" if it has none.
func (f *fleet) memberOf(c *client.Conn) string {
	if f.member == nil {
		return ""
	}
	return f.member(int(c.Index))
}

// unsubscribe sends a socket's unsubscription.
func (f *fleet) unsubscribe(c *client.Conn) {
	f.peerOf(c).asked = f.loop.Now()
	f.scratch = f.target.dialect.appendUnsubscribe(f.scratch[:0], f, c)
	f.send(c, client.OpText, f.scratch)
}

func (f *fleet) send(c *client.Conn, op byte, payload []byte) {
	if f.fallback != nil {
		f.fallback.send(c, payload)
		return
	}
	f.frame = client.AppendFrame(f.frame[:0], op, payload)
	f.loop.Write(c, f.frame)
}

// eventName returns the event name of a server's message. It does not unescape: no
// name that the benchmark compares contains escapes.
func eventName(payload []byte) []byte { return member(payload, `"event":"`) }

// member returns the text between key and the next quote or backslash, nil if key
// does not occur.
func member(payload []byte, key string) []byte {
	i := bytes.Index(payload, []byte(key))
	if i < 0 {
		return nil
	}
	rest := payload[i+len(key):]
	if end := bytes.IndexAny(rest, `"\`); end >= 0 {
		return rest[:end]
	}
	return nil
}

// socketID finds the id in connection_established, whose data is a string of
// JSON or, on some servers, an object.
func socketID(payload []byte) (pusherproto.SocketID, bool) {
	text := member(payload, `\"socket_id\":\"`)
	if text == nil {
		text = member(payload, `"socket_id":"`)
	}
	id, ok := pusherproto.ParseSocketID(string(text))
	return id, ok && !id.IsZero()
}
