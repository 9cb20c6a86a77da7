package pusherproto

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// draft is an event as published, its members still unchecked JSON text, nil when absent.
type draft struct {
	index int // in a batch, -1 outside of one

	name, data, channel, channels, socketID, info []byte
}

// read takes the members of the object that r stands at. Faults of the JSON stay in r.
func (d *draft) read(r *reader) *Error {
	for more := r.open(); more; more = r.next('}') {
		key := r.key()
		var to *[]byte
		switch string(key) {
		case "name":
			to = &d.name
		case "data":
			to = &d.data
		case "channel":
			to = &d.channel
		case "channels":
			to = &d.channels
		case "socket_id":
			to = &d.socketID
		case "info":
			to = &d.info
		default:
			r.value()
			continue
		}
		if *to != nil {
			return d.bad(string(key), "is there twice; send each member once")
		}
		*to = r.value()
	}
	return nil
}

// fill takes what the body lacks from the query, in the form the body would have had.
func (d *draft) fill(q Query) *Error {
	for i := range q {
		var to *[]byte
		switch q[i].Key {
		case "name":
			to = &d.name
		case "data":
			to = &d.data
		case "channel":
			to = &d.channel
		case "socket_id":
			to = &d.socketID
		case "info":
			to = &d.info
		case "channels", "channels[]":
		default:
			continue
		}
		if !utf8.ValidString(q[i].Value) {
			return d.bad(strings.TrimSuffix(q[i].Key, "[]"), "is not valid UTF-8")
		}
		if to != nil && *to == nil {
			*to = AppendString(nil, q[i].Value)
		}
	}
	if d.channels == nil {
		d.channels = channelsIn(q)
	}
	return nil
}

// channelsIn returns the JSON array of the channels that the query names, nil for none.
func channelsIn(q Query) []byte {
	var list []byte
	for i := range q {
		if q[i].Key != "channels" && q[i].Key != "channels[]" {
			continue
		}
		if list == nil {
			list = append(list, '[')
		} else {
			list = append(list, ',')
		}
		list = AppendString(list, q[i].Value)
	}
	if list == nil {
		return nil
	}
	return append(list, ']')
}

// check applies every rule of http-api, section 3. null counts as absent where a field is optional.
func (d *draft) check(lim Limits) (Event, *Error) {
	var ev Event
	var err *Error
	switch {
	case d.name == nil:
		return Event{}, d.bad("name", "is missing; it must be a string of 1 to %d characters", lim.MaxEventName)
	case !isString(d.name):
		return Event{}, d.bad("name", "must be a string of 1 to %d characters", lim.MaxEventName)
	}
	ev.Name = string(unquote(d.name))
	if err = d.checkName(ev.Name, lim); err != nil {
		return Event{}, err
	}
	if ev.Channels, err = d.checkChannels(lim); err != nil {
		return Event{}, err
	}
	if d.socketID != nil && !isNull(d.socketID) {
		ok := false
		if isString(d.socketID) {
			ev.SocketID, ok = ParseSocketID(string(unquote(d.socketID)))
		}
		if !ok {
			return Event{}, d.badSocketID(string(d.socketID))
		}
	}
	if ev.Info, err = d.checkInfo(); err != nil {
		return Event{}, err
	}
	ev.HasInfo = ev.Info != 0
	if ev.Data, err = d.checkData(lim); err != nil {
		return Event{}, err
	}
	return ev, nil
}

func (d *draft) checkName(name string, lim Limits) *Error {
	if name == "" {
		return d.bad("name", "is empty; it must be a string of 1 to %d characters", lim.MaxEventName)
	}
	if n := utf8.RuneCountInString(name); n > lim.MaxEventName {
		return d.bad("name", "has %d characters; at most %d are allowed", n, lim.MaxEventName)
	}
	if !utf8.ValidString(name) {
		return d.bad("name", "is not valid UTF-8")
	}
	if i := strings.IndexFunc(name, unicode.IsControl); i >= 0 {
		return d.bad("name", "%s holds a control character", quoted(name))
	}
	for _, reserved := range [...]string{PrefixPusher, PrefixInternal} {
		if strings.HasPrefix(name, reserved) {
			return d.bad("name", "%s begins with %s, which is reserved for the server's own events", quoted(name), reserved)
		}
	}
	return nil
}

// checkChannels returns the union of channel and channels, each name once. In a batch only channel
// is allowed.
func (d *draft) checkChannels(lim Limits) ([]string, *Error) {
	var names []string
	given, encrypted := 0, ""
	add := func(raw []byte, field string) *Error {
		if !isString(raw) {
			return d.bad(field, "must be a string, the name of a channel")
		}
		name := string(unquote(raw))
		kind, err := ParseChannel(name, lim.MaxChannelName)
		if err != nil {
			return d.bad(field, "%v", err)
		}
		if kind.Encrypted() {
			encrypted = name
		}
		names = distinct(names, name)
		return nil
	}
	if list := d.channels; list != nil && !isNull(list) {
		if d.index >= 0 {
			return nil, d.bad("channels", "is not allowed in a batch; use channel, one name an event")
		}
		if list[0] != '[' {
			return nil, d.bad("channels", "must be an array of 1 to %d channel names", lim.MaxEventChannels)
		}
		r := reader{b: list}
		for more := r.open(); more; more = r.next(']') {
			if given == lim.MaxEventChannels {
				return nil, d.bad("channels", "has more than %d names", lim.MaxEventChannels)
			}
			if err := add(r.value(), fmt.Sprintf("channels[%d]", given)); err != nil {
				return nil, err
			}
			given++
		}
		if given == 0 {
			return nil, d.bad("channels", "is empty; it must hold 1 to %d channel names", lim.MaxEventChannels)
		}
	}
	if d.channel != nil && !isNull(d.channel) {
		if err := add(d.channel, "channel"); err != nil {
			return nil, err
		}
	}
	switch {
	case len(names) == 0 && d.index >= 0:
		return nil, d.bad("channel", "is missing; it must be the name of a channel")
	case len(names) == 0:
		return nil, d.bad("channels", "is missing; it must be an array of 1 to %d channel names", lim.MaxEventChannels)
	case len(names) > lim.MaxEventChannels:
		return nil, d.bad("channels", "and channel hold more than %d names together", lim.MaxEventChannels)
	case len(names) > 1 && encrypted != "":
		return nil, d.bad("channels", "holds the encrypted channel %s among others; publish to it alone", quoted(encrypted))
	}
	return names, nil
}

func (d *draft) checkInfo() (Info, *Error) {
	if d.info == nil || isNull(d.info) {
		return 0, nil
	}
	if !isString(d.info) {
		return 0, d.bad("info", `must be a string such as "user_count,subscription_count"`)
	}
	info, err := ParseInfo(string(unquote(d.info)))
	if err != nil {
		return 0, d.bad("info", "%s", strings.TrimPrefix(err.Message, "info: "))
	}
	if info&InfoCache != 0 {
		return 0, d.bad("info", "cache cannot be asked for when publishing; there are user_count and subscription_count")
	}
	return info, nil
}

// checkData returns the data as a string literal: a string as it was received, an object or array as
// the string of its compact text.
func (d *draft) checkData(lim Limits) ([]byte, *Error) {
	const rule = "it must be a string, or an object or array to be sent as its JSON text"
	if d.data == nil {
		return nil, d.bad("data", "is missing; %s", rule)
	}
	switch d.data[0] {
	case '"':
		if n := DataSize(d.data); n > lim.MaxEventBytes {
			return nil, d.tooLarge(n, lim)
		}
		return d.data, nil
	case '{', '[':
		text := compact(d.data)
		if len(text) > lim.MaxEventBytes {
			return nil, d.tooLarge(len(text), lim)
		}
		literal := append(make([]byte, 0, len(text)+len(text)/4+2), '"')
		return append(appendEscaped(literal, text, 1), '"'), nil
	}
	return nil, d.bad("data", "is neither; %s", rule)
}

func (d *draft) tooLarge(size int, lim Limits) *Error {
	return refuse(413, "%s: has %d bytes; at most %d are allowed", d.path("data"), size, lim.MaxEventBytes)
}

func (d *draft) badSocketID(given string) *Error {
	return d.bad("socket_id", `%s is not a socket id; it must look like "1234.5678"`, quoted(given))
}

func (d *draft) bad(field, format string, args ...any) *Error {
	return refuse(400, "%s: %s", d.path(field), fmt.Sprintf(format, args...))
}

func (d *draft) path(field string) string {
	if d.index < 0 {
		return field
	}
	return fmt.Sprintf("batch[%d].%s", d.index, field)
}
