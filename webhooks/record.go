package webhooks

import (
	"bytes"
	"encoding/json"
	"unsafe"

	"fanfare/channels"
)

// record is an event of a channel in the form in which it is queued.
type record struct {
	channel string
	fact
}

// fact is a record without its channel. For most events the kind is enough;
// only others have their JSON made when they are queued.
type fact struct {
	more  *payload
	count int32 // of SubscriptionCount
	kind  channels.NoticeKind
}

// payload is the further data of an event of a member or a client. Queues of
// several endpoints may share it, so it is never changed.
type payload struct {
	json []byte // the whole event
	user string // of members
}

// payloadBytes is the memory of a payload without its data.
const payloadBytes = int(unsafe.Sizeof(payload{}))

func newRecord(n *channels.Notice) record {
	r := record{n.Channel, fact{kind: n.Kind, count: int32(n.Count)}}
	switch n.Kind {
	case channels.MemberAdded, channels.MemberRemoved, channels.ClientEvent:
		r.more = &payload{json: encode(n)}
		if n.Kind != channels.ClientEvent {
			r.more.user = n.UserID
		}
	}
	return r
}

// encode returns the JSON of an event in a slice with little spare capacity,
// since it may be kept for long.
func encode(n *channels.Notice) []byte {
	const frame = 120 // names of fields, the socket's id
	b := appendEvent(make([]byte, 0, frame+len(n.Channel)+len(n.Event)+len(n.Data)+len(n.UserID)), n)
	if cap(b)-len(b) > 64+len(b)/8 {
		b = bytes.Clone(b)
	}
	return b
}

// readRecord reads an event of the store. It keeps fields that it does not
// know.
func readRecord(text []byte) record {
	var from struct {
		Name, Channel string
		UserID        string `json:"user_id"`
		Count         int32  `json:"subscription_count"`
	}
	_ = json.Unmarshal(text, &from) // the journal has checked that it is valid JSON; fields of other types are ignored
	kind, known := kindNamed(from.Name)
	if !known {
		kind = channels.ClientEvent
	}
	r := record{from.Channel, fact{kind: kind, count: from.Count}}
	same := channels.Notice{Kind: kind, Channel: r.channel, UserID: from.UserID, Count: int(r.count)}
	switch {
	case kind == channels.ClientEvent || !bytes.Equal(appendEvent(nil, &same), text):
		r.fact = fact{kind: channels.ClientEvent, more: &payload{json: bytes.Clone(text)}}
	case memberKinds.has(kind):
		r.more = &payload{bytes.Clone(text), from.UserID}
	}
	return r
}

// append appends the event's JSON object.
func (r *record) append(dst []byte) []byte {
	if r.more != nil {
		return append(dst, r.more.json...)
	}
	return appendEvent(dst, &channels.Notice{Kind: r.kind, Channel: r.channel, Count: int(r.count)})
}

// size returns the length of the JSON object.
func (r *record) size() int {
	if r.more != nil {
		return len(r.more.json)
	}
	n := len(`{"name":"","channel":""}`) + len(eventNames[r.kind]) + len(r.channel) // no character of a channel's name is escaped
	if r.kind == channels.SubscriptionCount {
		n += len(`,"subscription_count":0`)
		for c := r.count; c >= 10; c /= 10 {
			n++
		}
	}
	return n
}

// extra returns the memory of the event beyond its place in a queue.
func (f *fact) extra() int {
	if f.more == nil {
		return 0
	}
	n := payloadBytes + cap(f.more.json)
	if memberKinds.has(f.kind) {
		n += visitsBytes + len(f.more.user)
	}
	return n
}
