package pusherproto

import (
	"bytes"
	"strconv"

	"fanfare/pusherproto/internal/jsontext"
)

// The encoders append the JSON of one message, without a WebSocket frame, and return the extended
// slice. They allocate only to grow dst. The members are in the order event, channel, data, user_id.
//
// Every message has data. It is a JSON string; in the server's own events the string holds JSON. Only
// the data of pusher:error is an object. Other clients than pusher-js depend on both. See
// docs/spec/websocket.md#data.

// AppendString appends s as a JSON string literal: quotes, backslashes, control characters and
// U+2028/U+2029 escaped, invalid UTF-8 replaced by \ufffd, everything else as it is.
func AppendString(dst []byte, s string) []byte { return jsontext.AppendString(dst, s) }

// AppendConnectionEstablished appends the first message of a connection. An activityTimeoutSeconds of 0
// or less becomes 30: pusher-js does not recover from 0.
func AppendConnectionEstablished(dst []byte, id SocketID, activityTimeoutSeconds int) []byte {
	dst = append(dst, `{"event":"pusher:connection_established","data":"{\"socket_id\":\"`...)
	dst = AppendSocketID(dst, id)
	dst = append(dst, `\",\"activity_timeout\":`...)
	dst = strconv.AppendInt(dst, int64(orDefault(activityTimeoutSeconds, defaultActivity)), 10)
	return append(dst, `}"}`...)
}

// AppendError appends pusher:error. CodeNone becomes null, and a channel of "" is left out. Before
// connection_established the code must be 4xxx: after null pusher-js stays in the state connecting.
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

// AppendSubscriptionSucceeded appends the confirmation of a subscription, except on presence channels.
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

// AppendCacheMiss appends the event that a new subscriber of an empty cache channel receives.
func AppendCacheMiss(dst []byte, channel string) []byte {
	dst = append(dst, `{"event":"pusher:cache_miss"`...)
	dst = appendChannel(dst, channel)
	return append(dst, `,"data":"{}"}`...)
}

// AppendRecoveryFailed appends the event that the server cannot send a subscriber the events that it
// missed. reason is one word for programs, message a sentence.
func AppendRecoveryFailed(dst []byte, channel, reason, message string) []byte {
	dst = append(dst, `{"event":"`+EventRecoveryFailed+`"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"reason\":`...)
	dst = jsontext.AppendNested(dst, reason)
	dst = append(dst, `,\"message\":`...)
	dst = jsontext.AppendNested(dst, message)
	return append(dst, `}"}`...)
}

// AppendEvent appends a published event. data is a JSON string literal with its quotes, such as
// Event.Data, and is appended unchanged.
func AppendEvent(dst []byte, event, channel string, data []byte) []byte {
	dst = append(dst, `{"event":`...)
	dst = jsontext.AppendString(dst, event)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":`...)
	dst = append(dst, data...)
	return append(dst, '}')
}

// AppendClientEvent appends a client event for the other subscribers. event and channel are decoded
// names; data is the text of the JSON value as received, and must not be empty. A userID of "" is left
// out.
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

// ClientEventUser returns the user id in a message that AppendClientEvent made, "" if it has none.
func ClientEventUser(message []byte) string {
	const member = `,"user_id":` // the last member; a string literal cannot contain it, because its quotes would be escaped
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

// AppendSubscriptionCount appends the event with the number n of a channel's subscribers.
func AppendSubscriptionCount(dst []byte, channel string, n int) []byte {
	dst = append(dst, `{"event":"pusher_internal:subscription_count"`...)
	dst = appendChannel(dst, channel)
	dst = append(dst, `,"data":"{\"subscription_count\":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, `}"}`...)
}

// AppendSigninSuccess appends the answer to pusher:signin. It contains user_data exactly as the client
// sent it, but not auth.
func AppendSigninSuccess(dst []byte, userData string) []byte {
	dst = append(dst, `{"event":"pusher:signin_success","data":"{\"user_data\":`...)
	dst = jsontext.AppendNested(dst, userData)
	return append(dst, `}"}`...)
}

// AppendWatchlistEvents appends the watchlist events with the ids of watched users who are online or
// offline. An empty list is left out; if both are empty, the message has no events and need not be
// sent.
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
