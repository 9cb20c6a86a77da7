package bench

import (
	"bytes"
	"fmt"

	"fanfare/pusherproto"
)

// peer is the fleet's part of a connection.
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
	peerJoining             // waits for subscription_succeeded
	peerJoined
)

func (s peerState) String() string {
	return [...]string{"upgrading", "waiting for connection_established", "subscribing", "subscribed"}[s]
}

// arrived implements handler.
func (f *fleet) arrived(c *conn, b []byte) (used int) {
	if c.peer.state == peerUpgrading {
		n, err := f.upgrade.check(b)
		if err != nil {
			f.loop.lose(c, err)
			return 0
		}
		if n == 0 {
			return 0
		}
		c.peer.state = peerGreeting
		used = n
	}
	now := f.loop.now()
	for {
		op, payload, n, err := nextFrame(b[used:])
		if err != nil {
			f.loop.lose(c, err)
			return used
		}
		if n == 0 {
			return used
		}
		used += n
		if op == opText && f.ledger != nil {
			if text := findStamp(payload); text != nil {
				f.book(c, text, now)
				continue
			}
		}
		f.message(c, op, payload)
		if c.fd < 0 {
			return used
		}
	}
}

func (f *fleet) book(c *conn, text []byte, now int64) {
	s, fresh := f.ledger.arrived(c.index, text, now)
	if !fresh {
		return
	}
	c.peer.got++
	if f.onEvent != nil {
		f.onEvent(c, s)
	}
}

// message handles what is no event of ours.
func (f *fleet) message(c *conn, op byte, payload []byte) {
	switch op {
	case opText:
		f.text(c, payload)
	case opPing:
		f.send(c, opPong, payload)
	case opClose:
		if len(payload) > 2 {
			f.loop.lose(c, fmt.Errorf("closed by the server: %d %.100s", int(payload[0])<<8|int(payload[1]), payload[2:]))
			return
		}
		f.loop.lose(c, nil)
	}
}

func (f *fleet) text(c *conn, payload []byte) {
	name := eventName(payload)
	switch string(name) {
	case "pusher:connection_established":
		f.established(c, payload)
	case "pusher_internal:subscription_succeeded":
		if c.peer.state == peerJoining {
			f.join(c)
		}
	case "pusher:subscription_error":
		f.loop.lose(c, fmt.Errorf("subscription refused: %.200s", payload))
	case "pusher:error":
		f.problems.add(fmt.Sprintf("%.200s", payload))
	case "pusher:ping":
		f.send(c, opText, []byte(`{"event":"pusher:pong","data":{}}`))
	}
	if f.onOther != nil && c.fd >= 0 {
		f.onOther(c, string(name), payload)
	}
}

func (f *fleet) established(c *conn, payload []byte) {
	if c.peer.state != peerGreeting {
		return
	}
	id, ok := socketID(payload)
	if !ok {
		f.loop.lose(c, fmt.Errorf("no socket id in %.200s", payload))
		return
	}
	c.peer.id, c.peer.state = id, peerJoining
	f.subscribe(c)
}

// join books that a socket is where it should be.
func (f *fleet) join(c *conn) {
	c.peer.state = peerJoined
	f.pending--
	f.joined++
	record(f.joining, f.loop.now()-c.peer.began)
	if f.silences(int(c.index)) {
		f.loop.mute(c)
	} else {
		f.live[f.channelOf(c)]++
	}
	f.dial()
}

// subscribe sends a socket's subscription, signed as an auth endpoint would.
func (f *fleet) subscribe(c *conn) {
	c.peer.asked = f.loop.now()
	name, data := f.nameOf(c), ""
	if f.member != nil {
		data = f.member(int(c.index))
	}
	b := append(f.scratch[:0], `{"event":"pusher:subscribe","data":{"channel":`...)
	b = pusherproto.AppendString(b, name)
	if pusherproto.KindOf(name).Signed() {
		auth := f.target.Key + ":" + pusherproto.SignChannel(f.target.Secret, c.peer.id, name, data, data != "")
		b = pusherproto.AppendString(append(b, `,"auth":`...), auth)
	}
	if data != "" {
		b = pusherproto.AppendString(append(b, `,"channel_data":`...), data)
	}
	f.scratch = append(b, "}}"...)
	f.send(c, opText, f.scratch)
}

// unsubscribe has a socket leave its channel. Servers do not answer.
func (f *fleet) unsubscribe(c *conn) {
	c.peer.asked = f.loop.now()
	b := append(f.scratch[:0], `{"event":"pusher:unsubscribe","data":{"channel":`...)
	b = pusherproto.AppendString(b, f.nameOf(c))
	f.scratch = append(b, "}}"...)
	f.send(c, opText, f.scratch)
}

func (f *fleet) send(c *conn, op byte, payload []byte) {
	f.frame = appendFrame(f.frame[:0], op, payload)
	f.loop.write(c, f.frame)
}

// eventName returns the event of a message of the server, without unescaping:
// the names looked for need none.
func eventName(payload []byte) []byte { return member(payload, `"event":"`) }

// member returns what stands between key and the next quote or backslash.
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
