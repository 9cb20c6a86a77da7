package pusherproto

import (
	"bytes"
	"strconv"

	"fanfare/pusherproto/internal/jsontext"
)

// The encoders append one message's JSON, without any framing, and return the longer slice. They
// allocate nothing beyond growing dst. Members stand in the order event, channel, data, user_id.
//
// Every message has data. It is a JSON string, which holds JSON where it is the server's own; only that
// of pusher:error is an object. Other clients than pusher-js insist on both.
// See docs/spec/websocket.md#data.

// AppendString appends s as a JSON string literal: quotes, backslashes, control characters and
// U+2028/U+2029 escaped, invalid UTF-8 replaced by \ufffd, everything else as it is.
func AppendString(dst []byte, s string) []byte { return jsontext.AppendString(dst, s) }

// AppendConnectionEstablished appends the first frame of a connection. activityTimeoutSeconds of zero
// or less becomes 30: pusher-js never recovers from a zero.
func AppendConnectionEstablished(dst []byte, id SocketID, activityTimeoutSeconds int) []byte {
	dst = append(dst, `{"event":"pusher:connection_established","data":"{\"socket_id\":\"`...)
	dst = AppendSocketID(dst, id)
	dst = append(dst, `\",\"activity_timeout\":`...)
	dst = strconv.AppendInt(dst, int64(orDefault(activityTimeoutSeconds, defaultActivity)), 10)
	return append(dst, `}"}`...)
}

// AppendError appends pusher:error. CodeNone becomes null, a channel of "" is left out. Before the
// handshake is over a code of 4xxx is a must: pusher-js dies of null there.
func AppendError(dst []byte, channel string, code int, message string) []byte {
	dst = append(dst, `{"event":"pusher:error"`...)
	if channel != "" {
		dst = appendChannel(dst, channel)
	}
	dst = append(dst, `,"data":{"code":`...)
	if code == CodeNone {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, int64(code), 10)
	}
	dst = append(dst, `,"message":`...)
	dst = jsontext.AppendString(dst, message)
	return append(dst, "}}"...)
}

// AppendPong appends pusher:pong, the answer to a client's pusher:ping.
func AppendPong(dst []byte) []byte {
	return append(dst, `{"event":"pusher:pong","data":"{}"}`...)
}

// AppendPing appends pusher:ping, for clients of protocol 5 and up.
func AppendPing(dst []byte) []byte {
	return append(dst, `{"event":"pusher:ping","data":"{}"}`...)
}

// AppendSubscriptionSucceeded appends the confirmation for every kind of channel but presence.
func AppendSubscriptionSucceeded(dst []byte, channel string) []byte {
	dst = append(dst, `{"event":"pusher_internal:subscription_succeeded"`...)
	dst = appendChannel(dst, channel)
	return append(dst, `,"data":"{}"}`...)
}

// AppendSubscriptionError appends the refusal of one subscription.
func AppendSubscriptionError(dst []byte, channel string, e *SubscriptionError) []byte {
	dst = append(dst, `{"event":"pusher:subscription_error"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"type\":`...)
	dst = jsontext.AppendNested(dst, e.Type)
	dst = append(dst, `,\"error\":`...)
	dst = jsontext.AppendNested(dst, e.Message)
	dst = append(dst, `,\"status\":`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	return append(dst, `}"}`...)
}

// AppendCacheMiss appends what a subscriber of an empty cache channel gets.
func AppendCacheMiss(dst []byte, channel string) []byte {
	dst = append(dst, `{"event":"pusher:cache_miss"`...)
	dst = appendChannel(dst, channel)
	return append(dst, `,"data":"{}"}`...)
}

// AppendRecoveryFailed appends that a subscriber cannot be sent what it missed: why, in a word for
// programs and in a sentence.
func AppendRecoveryFailed(dst []byte, channel, reason, message string) []byte {
	dst = append(dst, `{"event":"`+EventRecoveryFailed+`"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"reason\":`...)
	dst = jsontext.AppendNested(dst, reason)
	dst = append(dst, `,\"message\":`...)
	dst = jsontext.AppendNested(dst, message)
	return append(dst, `}"}`...)
}

// AppendEvent appends a published event. data is a JSON string literal, quotes included, and goes in
// unchanged: an Event's Data is one.
func AppendEvent(dst []byte, event, channel string, data []byte) []byte {
	dst = append(dst, `{"event":`...)
	dst = jsontext.AppendString(dst, event)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":`...)
	dst = append(dst, data...)
	return append(dst, '}')
}

// AppendClientEvent appends a client event for its other receivers. event and channel are decoded
// names; data is the text of the JSON value as received, and there must be one. A userID of "" leaves
// the member out.
func AppendClientEvent(dst []byte, event, channel, data []byte, userID string) []byte {
	dst = append(dst, `{"event":"`...)
	dst = jsontext.AppendEscaped(dst, event)
	dst = append(dst, `","channel":"`...)
	dst = jsontext.AppendEscaped(dst, channel)
	dst = append(dst, `","data":`...)
	dst = append(dst, data...)
	if userID != "" {
		dst = append(dst, `,"user_id":`...)
		dst = jsontext.AppendString(dst, userID)
	}
	return append(dst, '}')
}

// ClientEventUser returns the user id of a message that AppendClientEvent made, "" if it has none.
func ClientEventUser(message []byte) string {
	const member = `,"user_id":` // stands last, and in no string literal: its quotes would be escaped
	i := bytes.LastIndex(message, []byte(member))
	if i < 0 {
		return ""
	}
	raw := message[i+len(member) : len(message)-1]
	if !jsontext.IsString(raw) || raw[len(raw)-1] != '"' { // it is a part of the data
		return ""
	}
	return string(jsontext.Unquote(raw))
}

// AppendSubscriptionCount appends the number of sockets on a channel.
func AppendSubscriptionCount(dst []byte, channel string, n int) []byte {
	dst = append(dst, `{"event":"pusher_internal:subscription_count"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"subscription_count\":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, `}"}`...)
}

// AppendSigninSuccess appends the answer to pusher:signin: user_data comes back as the very string the
// client sent, auth does not.
func AppendSigninSuccess(dst []byte, userData string) []byte {
	dst = append(dst, `{"event":"pusher:signin_success","data":"{\"user_data\":`...)
	dst = jsontext.AppendNested(dst, userData)
	return append(dst, `}"}`...)
}

// AppendWatchlistEvents appends which watched users are online or came, and offline or left. An empty
// list is left out; with both empty the frame holds no events and need not be sent.
func AppendWatchlistEvents(dst []byte, online, offline []string) []byte {
	dst = append(dst, `{"event":"pusher_internal:watchlist_events","data":"{\"events\":[`...)
	dst = appendWatched(dst, `{\"name\":\"online\",\"user_ids\":[`, online)
	if len(online) > 0 && len(offline) > 0 {
		dst = append(dst, ',')
	}
	dst = appendWatched(dst, `{\"name\":\"offline\",\"user_ids\":[`, offline)
	return append(dst, `]}"}`...)
}

func appendWatched(dst []byte, head string, ids []string) []byte {
	if len(ids) == 0 {
		return dst
	}
	dst = append(dst, head...)
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsontext.AppendNested(dst, id)
	}
	return append(dst, "]}"...)
}

func appendChannel(dst []byte, channel string) []byte {
	dst = append(dst, `,"channel":`...)
	return jsontext.AppendString(dst, channel)
}
