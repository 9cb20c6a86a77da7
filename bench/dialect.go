package bench

import (
	"fmt"
	"time"

	"fanfare/bench/client"
	"fanfare/pusherproto"
)

// dialect is the protocol of a server: Pusher's, or another with the same features.
// Methods with a fleet are called on the goroutine of its loop.
type dialect interface {
	// path returns the path that sockets connect to.
	path(t Target) string
	// upgraded is called when a WebSocket connection is open.
	upgraded(f *fleet, c *client.Conn)
	// hear handles a text message that is not an event of the benchmark.
	hear(f *fleet, c *client.Conn, message []byte)
	// lines reports whether each line of a text message is a message.
	lines() bool
	appendSubscribe(b []byte, f *fleet, c *client.Conn) []byte
	appendUnsubscribe(b []byte, f *fleet, c *client.Conn) []byte
	// ping returns a client's ping; nil if only the server pings.
	ping() []byte
	// appendTrigger appends the request that publishes an event on channels.
	appendTrigger(dst []byte, t Target, channels []string, s stamp, size int, now time.Time) []byte
	// appendBatch appends the request that publishes several events.
	appendBatch(dst []byte, t Target, batch []batched, size int, now time.Time) []byte
	// took reports whether an answer says that the events of a request were
	// accepted.
	took(status int, body []byte) bool
}

// batched is an event of a batch.
type batched struct {
	channel string
	stamp   stamp
}

// The protocols that a target may speak.
const (
	ProtocolPusher     = "pusher"
	ProtocolCentrifugo = "centrifugo"
)

func dialectOf(protocol string) (dialect, error) {
	switch protocol {
	case "", ProtocolPusher:
		return pusherDialect{}, nil
	case ProtocolCentrifugo:
		return centrifugoDialect{}, nil
	}
	return nil, fmt.Errorf("protocol %q is neither %s nor %s", protocol, ProtocolPusher, ProtocolCentrifugo)
}

// pusherDialect is Pusher's protocol.
type pusherDialect struct{}

func (pusherDialect) path(t Target) string {
	return "/app/" + t.Key + "?protocol=7&client=fanfare-bench&version=1.0&flash=false"
}

func (pusherDialect) upgraded(*fleet, *client.Conn) {} // the server sends first

func (pusherDialect) lines() bool { return false }

func (pusherDialect) ping() []byte { return []byte(`{"event":"pusher:ping","data":{}}`) }

func (pusherDialect) hear(f *fleet, c *client.Conn, message []byte) {
	name := eventName(message)
	switch string(name) {
	case pusherproto.EventConnectionEstablished:
		id, ok := socketID(message)
		if !ok {
			f.loop.Lose(c, fmt.Errorf("no socket id in %.200s", message))
			return
		}
		f.established(c, id)
	case "pusher_internal:subscription_succeeded":
		if f.peerOf(c).state == peerJoining {
			if f.returning != nil {
				f.returning.note(c.Index, f.peerOf(c).id, message)
			}
			f.join(c)
		}
	case "pusher:subscription_error":
		f.loop.Lose(c, fmt.Errorf("subscription refused: %.200s", message))
	case "pusher:error":
		f.problems.add(fmt.Sprintf("%.200s", message))
	case "pusher:ping":
		f.send(c, client.OpText, []byte(`{"event":"pusher:pong","data":{}}`))
	case "pusher:pong":
		f.pongs++
	case memberAdded, memberRemoved:
		if f.told != nil {
			f.told(c, string(name) == memberRemoved, member(message, `\"user_id\":\"u`))
		}
	}
	if f.onOther != nil && c.Open() {
		f.onOther(c, string(name), message)
	}
}

const (
	memberAdded   = "pusher_internal:member_added"
	memberRemoved = "pusher_internal:member_removed"
)

// appendSubscribe appends a subscription, signed as an auth endpoint would.
func (pusherDialect) appendSubscribe(b []byte, f *fleet, c *client.Conn) []byte {
	name, data := f.nameOf(c), f.memberOf(c)
	b = append(b, `{"event":"pusher:subscribe","data":{"channel":`...)
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
	return append(b, "}}"...)
}

// appendUnsubscribe appends an unsubscription, which servers do not answer.
func (pusherDialect) appendUnsubscribe(b []byte, f *fleet, c *client.Conn) []byte {
	b = append(b, `{"event":"pusher:unsubscribe","data":{"channel":`...)
	b = pusherproto.AppendString(b, f.nameOf(c))
	return append(b, "}}"...)
}

func (pusherDialect) appendTrigger(dst []byte, t Target, channels []string, s stamp, size int, now time.Time) []byte {
	body := make([]byte, 0, 96+len(channels)*(len(channels[0])+8)+size)
	body = append(body, `{"name":"bench","channels":[`...)
	body = appendStrings(body, channels)
	body = append(body, `],"data":"`...)
	body = appendData(body, s, size)
	body = append(body, `"}`...)
	return t.appendPost(dst, "/events", body, now)
}

func (pusherDialect) appendBatch(dst []byte, t Target, batch []batched, size int, now time.Time) []byte {
	body := append(make([]byte, 0, 64+len(batch)*(size+96)), `{"batch":[`...)
	for i, e := range batch {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"name":"bench","channel":`...)
		body = pusherproto.AppendString(body, e.channel)
		body = append(body, `,"data":"`...)
		body = append(appendData(body, e.stamp, size), `"}`...)
	}
	return t.appendPost(dst, "/batch_events", append(body, "]}"...), now)
}

func (pusherDialect) took(status int, _ []byte) bool { return status == 200 || status == 202 }

// appendStrings appends the elements of an array of JSON.
func appendStrings(b []byte, list []string) []byte {
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = pusherproto.AppendString(b, s)
	}
	return b
}
