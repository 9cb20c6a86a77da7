package pusherproto

// Subscribe is the data of pusher:subscribe. It holds copies.
type Subscribe struct {
	Channel        string
	Auth           string // "" when absent, null or not a string
	ChannelData    string // the exact string received, which is what was signed
	HasChannelData bool   // channel_data is a string
	BadChannelData bool   // channel_data is neither a string nor null: the signed bytes are unknown
}

// DecodeSubscribe reads the data of pusher:subscribe: an object, or a JSON string that holds one. The
// channel name is only read, not checked. The error has CodeNone: without a name there is no channel
// to refuse. Spec: websocket, sections 2 and 5.
func DecodeSubscribe(data []byte) (Subscribe, *Error) {
	var channel, auth, channelData []byte
	err := decodeData(data, CodeNone, EventSubscribe, `{"channel":"NAME"}`, func(key []byte) *[]byte {
		switch string(key) {
		case "channel":
			return &channel
		case "auth":
			return &auth
		case "channel_data":
			return &channelData
		}
		return nil
	})
	if err != nil {
		return Subscribe{}, err
	}
	if !isString(channel) {
		return Subscribe{}, refuse(CodeNone, `%s: channel is missing or not a string; send {"channel":"NAME"}`, EventSubscribe)
	}
	s := Subscribe{Channel: string(unquote(channel))}
	if isString(auth) {
		s.Auth = string(unquote(auth))
	}
	switch {
	case isString(channelData):
		s.ChannelData, s.HasChannelData = string(unquote(channelData)), true
	case channelData != nil && !isNull(channelData):
		s.BadChannelData = true
	}
	return s, nil
}

// DecodeUnsubscribe reads the channel name out of the data of pusher:unsubscribe, an object or a JSON
// string that holds one. The error has CodeNone.
func DecodeUnsubscribe(data []byte) (channel string, err *Error) {
	var name []byte
	err = decodeData(data, CodeNone, EventUnsubscribe, `{"channel":"NAME"}`, func(key []byte) *[]byte {
		if string(key) == "channel" {
			return &name
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if !isString(name) {
		return "", refuse(CodeNone, `%s: channel is missing or not a string; send {"channel":"NAME"}`, EventUnsubscribe)
	}
	return string(unquote(name)), nil
}

// Signin is the data of pusher:signin. It holds copies.
type Signin struct {
	Auth     string // KEY:SIGNATURE
	UserData string // the exact string received, which is what was signed
}

// DecodeSignin reads the data of pusher:signin: an object, or a JSON string that holds one, with the
// strings auth and user_data. The error has CodeUnauthorized. Spec: websocket, section 9.
func DecodeSignin(data []byte) (Signin, *Error) {
	const shape = `{"auth":"KEY:SIGNATURE","user_data":"{\"id\":\"ID\"}"}`
	var auth, userData []byte
	err := decodeData(data, CodeUnauthorized, EventSignin, shape, func(key []byte) *[]byte {
		switch string(key) {
		case "auth":
			return &auth
		case "user_data":
			return &userData
		}
		return nil
	})
	if err != nil {
		return Signin{}, err
	}
	if !isString(auth) {
		return Signin{}, refuse(CodeUnauthorized, "%s: auth is missing or not a string; send %s", EventSignin, shape)
	}
	if !isString(userData) {
		return Signin{}, refuse(CodeUnauthorized, "%s: user_data is missing or not a string; send %s", EventSignin, shape)
	}
	return Signin{Auth: string(unquote(auth)), UserData: string(unquote(userData))}, nil
}

// decodeData walks the data of a client's pusher: event, as an object or as a string that holds one.
// member says where the text of a member's value goes; nil skips it.
func decodeData(data []byte, code int, event, shape string, member func(key []byte) *[]byte) *Error {
	r := reader{b: data}
	c := r.peek()
	if c == '"' {
		raw := r.value()
		if !r.end() {
			return refuse(code, "%s: data is not valid JSON: %s", event, r.problem())
		}
		r = reader{b: unquote(raw)}
		c = r.peek()
	}
	if c != '{' {
		return refuse(code, "%s: data must be an object; send %s", event, shape)
	}
	for more := r.open(); more; more = r.next('}') {
		key := r.key()
		to := member(key)
		if to == nil {
			r.value()
			continue
		}
		if *to != nil {
			return refuse(code, "%s: data has %q twice; send each member once", event, key)
		}
		*to = r.value()
	}
	if !r.end() {
		return refuse(code, "%s: data is not valid JSON: %s", event, r.problem())
	}
	return nil
}
