package pusherproto

import "fanfare/pusherproto/internal/jsontext"

// Subscribe is the data of pusher:subscribe. It keeps no reference to the input.
type Subscribe struct {
	Channel        string
	Auth           string // "" when absent, null or not a string
	ChannelData    string // the exact string received, which is what was signed
	HasChannelData bool   // channel_data is a string
	BadChannelData bool   // channel_data is neither a string nor null: the signed bytes are unknown
	// Recover is the serial of the last event that the client received; "" if it sent none, or a value
	// that is not a string. Recovers reports whether it sent any value but null. RecoverSocket is the
	// id of the socket that received the event.
	Recover       string
	Recovers      bool
	RecoverSocket string
}

const subscribeShape = `{"channel":"NAME"}`

// DecodeSubscribe reads the data of pusher:subscribe: an object, or a JSON string that holds one. It
// does not check the channel name. The error has CodeNone: without a channel name the answer can only
// be pusher:error. See docs/spec/subscriptions.md#subscribing.
func DecodeSubscribe(data []byte) (Subscribe, *Error) {
	names := [...]string{"channel", "auth", "channel_data", "recover", "recover_socket_id"}
	var values [len(names)][]byte
	if err := decodeData(data, CodeNone, EventSubscribe, subscribeShape, names[:], values[:]); err != nil {
		return Subscribe{}, err
	}
	channel, auth, channelData := values[0], values[1], values[2]
	if !jsontext.IsString(channel) {
		return Subscribe{}, noString(CodeNone, EventSubscribe, "channel", subscribeShape)
	}
	s := Subscribe{Channel: string(jsontext.Unquote(channel))}
	if jsontext.IsString(auth) {
		s.Auth = string(jsontext.Unquote(auth))
	}
	switch {
	case jsontext.IsString(channelData):
		s.ChannelData, s.HasChannelData = string(jsontext.Unquote(channelData)), true
	case channelData != nil && !jsontext.IsNull(channelData):
		s.BadChannelData = true
	}
	if s.Recovers = values[3] != nil && !jsontext.IsNull(values[3]); jsontext.IsString(values[3]) {
		s.Recover = string(jsontext.Unquote(values[3]))
	}
	if jsontext.IsString(values[4]) {
		s.RecoverSocket = string(jsontext.Unquote(values[4]))
	}
	return s, nil
}

// DecodeUnsubscribe reads the channel name from the data of pusher:unsubscribe, an object or a JSON
// string that holds one. The error has CodeNone.
func DecodeUnsubscribe(data []byte) (channel string, err *Error) {
	names := [...]string{"channel"}
	var values [len(names)][]byte
	if err := decodeData(data, CodeNone, EventUnsubscribe, subscribeShape, names[:], values[:]); err != nil {
		return "", err
	}
	if !jsontext.IsString(values[0]) {
		return "", noString(CodeNone, EventUnsubscribe, "channel", subscribeShape)
	}
	return string(jsontext.Unquote(values[0])), nil
}

// Signin is the data of pusher:signin. It keeps no reference to the input.
type Signin struct {
	Auth     string // KEY:SIGNATURE
	UserData string // the exact string received, which is what was signed
}

const signinShape = `{"auth":"KEY:SIGNATURE","user_data":"{\"id\":\"ID\"}"}`

// DecodeSignin reads the data of pusher:signin: an object, or a JSON string that holds one, with the
// strings auth and user_data. The error has CodeUnauthorized. See docs/spec/users.md#sign-in.
func DecodeSignin(data []byte) (Signin, *Error) {
	names := [...]string{"auth", "user_data"}
	var values [len(names)][]byte
	if err := decodeData(data, CodeUnauthorized, EventSignin, signinShape, names[:], values[:]); err != nil {
		return Signin{}, err
	}
	for k, name := range names {
		if !jsontext.IsString(values[k]) {
			return Signin{}, noString(CodeUnauthorized, EventSignin, name, signinShape)
		}
	}
	return Signin{Auth: string(jsontext.Unquote(values[0])), UserData: string(jsontext.Unquote(values[1]))}, nil
}

// decodeData reads the members with the given names from the data of a client's pusher: event. data is
// an object, or a string that holds one.
func decodeData(data []byte, code int, event, shape string, names []string, values [][]byte) *Error {
	r := jsontext.NewReader(data)
	if r.Peek() == '"' {
		raw := r.Value()
		if !r.End() {
			return refuse(code, "%s: data is not valid JSON: %s", event, r.Problem())
		}
		r = jsontext.NewReader(jsontext.Unquote(raw))
	}
	if r.Peek() != '{' {
		return refuse(code, "%s: data must be an object; send %s", event, shape)
	}
	if twice := r.Object(names, values); twice != "" {
		return refuse(code, "%s: data has %q twice; send each member once", event, twice)
	}
	if !r.End() {
		return refuse(code, "%s: data is not valid JSON: %s", event, r.Problem())
	}
	return nil
}

func noString(code int, event, member, shape string) *Error {
	return refuse(code, "%s: %s is missing or not a string; send %s", event, member, shape)
}
