package webhooks

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// appendEvent appends the JSON object of one event
// (docs/spec/webhooks.md#events).
func appendEvent(dst []byte, n *channels.Notice) []byte {
	dst = append(dst, `{"name":"`...)
	dst = append(dst, eventNames[n.Kind]...)
	dst = append(dst, `","channel":`...)
	dst = pusherproto.AppendString(dst, n.Channel)
	switch n.Kind {
	case channels.MemberAdded, channels.MemberRemoved:
		dst = append(dst, `,"user_id":`...)
		dst = pusherproto.AppendString(dst, n.UserID)
	case channels.SubscriptionCount:
		dst = append(dst, `,"subscription_count":`...)
		dst = strconv.AppendInt(dst, int64(n.Count), 10)
	case channels.ClientEvent:
		dst = appendClientEvent(dst, n)
	}
	return append(dst, '}')
}

func appendClientEvent(dst []byte, n *channels.Notice) []byte {
	dst = append(dst, `,"event":`...)
	dst = pusherproto.AppendString(dst, n.Event)
	if n.Data != nil {
		dst = append(dst, `,"data":`...)
		dst = appendDataString(dst, n.Data)
	}
	if !n.SocketID.IsZero() {
		dst = append(dst, `,"socket_id":"`...)
		dst = pusherproto.AppendSocketID(dst, n.SocketID)
		dst = append(dst, '"')
	}
	if n.UserID != "" {
		dst = append(dst, `,"user_id":`...)
		dst = pusherproto.AppendString(dst, n.UserID)
	}
	return dst
}

// appendDataString appends a client's data as a JSON string, the only form that
// SDKs accept: a string as it is, any other value as its JSON text as received
// (docs/spec/webhooks.md#events).
func appendDataString(dst, raw []byte) []byte {
	if raw[0] != '"' {
		return pusherproto.AppendString(dst, string(raw))
	}
	if !bytes.Contains(raw, []byte(`\u`)) {
		return append(dst, raw...)
	}
	// An escaped half of a surrogate pair makes some parsers refuse the whole
	// hook. Decoding replaces it with U+FFFD.
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return pusherproto.AppendString(dst, string(raw))
	}
	return pusherproto.AppendString(dst, s)
}

// appendHook appends the body of a request (docs/spec/webhooks.md#request).
func appendHook(dst []byte, at time.Time, events []*event) []byte {
	dst = append(dst, `{"time_ms":`...)
	dst = strconv.AppendInt(dst, at.UnixMilli(), 10)
	dst = append(dst, `,"events":[`...)
	for i := range events {
		if i > 0 {
			dst = append(dst, ',')
		}
		r := events[i].record()
		dst = r.append(dst)
	}
	return append(dst, `]}`...)
}
