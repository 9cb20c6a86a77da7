package pusherproto

import "fanfare/pusherproto/internal/jsontext"

// Message is one message of a client. Its slices alias the input unless an escape required a copy,
// so they are valid only as long as the buffer with the input.
type Message struct {
	Event      []byte // decoded name
	Channel    []byte // decoded name; nil if absent or not a string
	HasChannel bool   // the message has a channel that is a string
	Data       []byte // text of the JSON value, as received; nil if absent
}

// DecodeMessage reads a client's message: one JSON object with the string event and, optionally,
// data and channel. Unknown members are ignored, but must be well-formed. A message in which one of
// the three appears twice is refused. The error has CodeNone and says what is wrong. See
// docs/spec/websocket.md#messages-of-clients.
func DecodeMessage(b []byte) (Message, *Error) {
	r := jsontext.NewReader(b)
	if r.Peek() != '{' {
		if r.AtEnd() {
			return Message{}, refuse(CodeNone, "message is empty; %s", messageShape)
		}
		return Message{}, refuse(CodeNone, "message is not a JSON object; %s", messageShape)
	}
	names := [...]string{"event", "channel", "data"}
	var values [len(names)][]byte
	if twice := r.Object(names[:], values[:]); twice != "" {
		return Message{}, refuse(CodeNone, "message has %q twice; send each member once", twice)
	}
	if !r.End() {
		return Message{}, refuse(CodeNone, "message is not valid JSON: %s", r.Problem())
	}
	event, channel, data := values[0], values[1], values[2]
	if event == nil {
		return Message{}, refuse(CodeNone, "message has no event; %s", messageShape)
	}
	if !jsontext.IsString(event) {
		return Message{}, refuse(CodeNone, "event must be a string; %s", messageShape)
	}
	m := Message{Event: jsontext.Unquote(event), Data: data}
	if len(m.Event) != len(event)-2 && jsontext.HalfPair(event) { // only a name with an escape is shorter than its literal
		return Message{}, refuse(CodeNone, `event contains half a surrogate pair (\ud800 to \udfff), which is no character`)
	}
	if jsontext.IsString(channel) {
		m.Channel, m.HasChannel = jsontext.Unquote(channel), true
	}
	return m, nil
}

const messageShape = `send one object such as {"event":"pusher:ping"}`

// DataSize returns the size of a raw JSON value sent as event data: the UTF-8 bytes of the decoded
// string if it is one, the bytes of its text otherwise. Half a surrogate pair counts as three bytes.
// See docs/spec/events.md#client-events.
func DataSize(raw []byte) int { return jsontext.Size(raw) }
