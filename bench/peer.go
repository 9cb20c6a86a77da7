package bench

import (
	"bytes"
	"fmt"

	"fanfare/bench/client"
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

// peerOf is the fleet's part of one of its connections.
func (f *fleet) peerOf(c *client.Conn) *peer { return &f.peers[c.Index] }

// Arrived implements handler.
func (f *fleet) Arrived(c *client.Conn, b []byte) (used int) {
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
		if op == client.OpText && f.ledger != nil {
			if text := findStamp(payload); text != nil {
				if f.returning != nil {
					f.returning.note(c.Index, f.peerOf(c).id, payload)
				}
				f.book(c, text, now)
				continue
			}
		}
		f.message(c, op, payload)
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

// message handles what is no event of ours.
func (f *fleet) message(c *client.Conn, op byte, payload []byte) {
	switch op {
	case client.OpText:
		f.text(c, payload)
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

func (f *fleet) text(c *client.Conn, payload []byte) {
	name := eventName(payload)
	switch string(name) {
	case "pusher:connection_established":
		f.established(c, payload)
	case "pusher_internal:subscription_succeeded":
		if f.peerOf(c).state == peerJoining {
			if f.returning != nil {
				f.returning.note(c.Index, f.peerOf(c).id, payload)
			}
			f.join(c)
		}
	case "pusher:subscription_error":
		f.loop.Lose(c, fmt.Errorf("subscription refused: %.200s", payload))
	case "pusher:error":
		f.problems.add(fmt.Sprintf("%.200s", payload))
	case "pusher:ping":
		f.send(c, client.OpText, []byte(`{"event":"pusher:pong","data":{}}`))
	}
	if f.onOther != nil && c.Open() {
		f.onOther(c, string(name), payload)
	}
}

func (f *fleet) established(c *client.Conn, payload []byte) {
	if f.peerOf(c).state != peerGreeting {
		return
	}
	id, ok := socketID(payload)
	if !ok {
		f.loop.Lose(c, fmt.Errorf("no socket id in %.200s", payload))
		return
	}
	p := f.peerOf(c)
	p.id, p.state = id, peerJoining
	f.subscribe(c)
}

// join books that a socket is where it should be.
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

// subscribe sends a socket's subscription, signed as an auth endpoint would.
func (f *fleet) subscribe(c *client.Conn) {
	f.peerOf(c).asked = f.loop.Now()
	name, data := f.nameOf(c), ""
	if f.member != nil {
		data = f.member(int(c.Index))
	}
	b := append(f.scratch[:0], `{"event":"pusher:subscribe","data":{"channel":`...)
	b = pusherproto.AppendString(b, name)
	if pusherproto.KindOf(name).Signed() {
		auth := f.target.Key + ":" + pusherproto.SignChannel(f.target.Secret, f.peerOf(c).id, name, data, data != "")
		b = pusherproto.AppendString(append(b, `,"auth":`...), auth)
	}
	if data != "" {
		b = pusherproto.AppendString(append(b, `,"channel_data":`...), data)
	}
	if f.returning != nil {
		b = f.returning.appendRecover(b, c.Index)
	}
	f.scratch = append(b, "}}"...)
	f.send(c, client.OpText, f.scratch)
}

// unsubscribe has a socket leave its channel. Servers do not answer.
func (f *fleet) unsubscribe(c *client.Conn) {
	f.peerOf(c).asked = f.loop.Now()
	b := append(f.scratch[:0], `{"event":"pusher:unsubscribe","data":{"channel":`...)
	b = pusherproto.AppendString(b, f.nameOf(c))
	f.scratch = append(b, "}}"...)
	f.send(c, client.OpText, f.scratch)
}

func (f *fleet) send(c *client.Conn, op byte, payload []byte) {
	f.frame = client.AppendFrame(f.frame[:0], op, payload)
	f.loop.Write(c, f.frame)
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
