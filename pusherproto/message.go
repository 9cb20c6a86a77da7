package pusherproto

// Message is what a client sends in one frame. Its slices alias the input unless an escape forced a
// copy, so they live as long as the buffer the frame was read into.
type Message struct {
	Event      []byte // decoded name
	Channel    []byte // decoded name; nil when absent or not a string
	HasChannel bool   // a channel member that is a string was present
	Data       []byte // text of the JSON value, as received; nil when absent
}

// DecodeMessage reads a client's message: one JSON object with a string event, and perhaps data and
// channel. Unknown members are ignored, but must be well-formed. One of the three appearing twice is
// refused, since two readers could then understand two messages. The error has CodeNone and says what
// is wrong. Spec: websocket, section 2.
func DecodeMessage(b []byte) (Message, *Error) {
	var m Message
	r := reader{b: b}
	if c := r.peek(); c == 0 && r.i == len(b) {
		return Message{}, refuse(CodeNone, "message is empty; %s", messageShape)
	} else if c != '{' {
		return Message{}, refuse(CodeNone, "message is not a JSON object; %s", messageShape)
	}
	var event, channel []byte
	for more := r.open(); more; more = r.next('}') {
		var member *[]byte
		var name string
		switch string(r.key()) {
		case "event":
			member, name = &event, "event"
		case "channel":
			member, name = &channel, "channel"
		case "data":
			member, name = &m.Data, "data"
		default:
			r.value()
			continue
		}
		if *member != nil {
			return Message{}, refuse(CodeNone, "message has %q twice; send each member once", name)
		}
		*member = r.value()
	}
	if !r.end() {
		return Message{}, refuse(CodeNone, "message is not valid JSON: %s", r.problem())
	}
	if event == nil {
		return Message{}, refuse(CodeNone, "message has no event; %s", messageShape)
	}
	if !isString(event) {
		return Message{}, refuse(CodeNone, "event must be a string; %s", messageShape)
	}
	m.Event = unquote(event)
	if isString(channel) {
		m.Channel, m.HasChannel = unquote(channel), true
	}
	return m, nil
}

const messageShape = `send one object such as {"event":"pusher:ping"}`
