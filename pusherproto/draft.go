package pusherproto

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fanfare/pusherproto/internal/jsontext"
)

// The members of a published event, as indexes of draft.values.
const (
	memberName = iota
	memberData
	memberChannel
	memberChannels
	memberSocketID
	memberInfo
	memberKey
	memberCount
)

func eventMembers() [memberCount]string {
	return [...]string{"name", "data", "channel", "channels", "socket_id", "info", "idempotency_key"}
}

// draft is an event as it was sent. Its members are JSON text that is not checked yet; nil means
// absent.
type draft struct {
	index  int // in a batch, -1 outside of one
	values [memberCount][]byte
	raw    []byte // JSON text of the event in a batch, else the whole body
	query  Query  // of the request; nil in a batch
}

// read reads the members of the object at which r stands. r keeps errors of the JSON syntax.
func (d *draft) read(r *jsontext.Reader) *Error {
	names := eventMembers()
	if twice := r.Object(names[:], d.values[:]); twice != "" {
		return d.bad(twice, "is sent twice; send it once")
	}
	return nil
}

// fill sets the members that the body does not have from the query, as JSON text. A repeated parameter
// counts once, with its first value, except channels.
func (d *draft) fill(q Query) *Error {
	names := eventMembers()
	for i := range q {
		key, isArray := arrayOf(q[i].Key)
		member := slices.Index(names[:], key)
		if member < 0 || (isArray && member != memberChannels) || d.values[member] != nil {
			continue
		}
		for k := range q {
			if (k == i || member == memberChannels) && !utf8.ValidString(q[k].Value) {
				return d.bad(key, "is not valid UTF-8")
			}
		}
		if member == memberChannels {
			d.values[member] = channelsIn(q)
		} else {
			d.values[member] = jsontext.AppendString(nil, q[i].Value)
		}
	}
	return nil
}

// channelsIn returns the names in the query's parameters channels and channels[] as a JSON array.
// There is at least one.
func channelsIn(q Query) []byte {
	var list []byte
	for i := range q {
		if name, _ := arrayOf(q[i].Key); name != "channels" {
			continue
		}
		if list == nil {
			list = append(list, '[')
		} else {
			list = append(list, ',')
		}
		list = jsontext.AppendString(list, q[i].Value)
	}
	return append(list, ']')
}

// check applies every rule of docs/spec/http-api.md#publishing. null counts as absent where a field is optional.
func (d *draft) check(lim Limits) (Event, *Error) {
	var ev Event
	var err *Error
	name, socketID := d.values[memberName], d.values[memberSocketID]
	switch {
	case absent(name):
		return Event{}, d.missing("name", fmt.Sprintf("must be a string of 1 to %d characters", lim.MaxEventName))
	case !jsontext.IsString(name):
		return Event{}, d.bad("name", "must be a string of 1 to %d characters", lim.MaxEventName)
	case jsontext.HalfPair(name):
		return Event{}, d.bad("name", `contains half a surrogate pair (\ud800 to \udfff), which is no character`)
	}
	ev.Name = string(jsontext.Unquote(name))
	if err = d.checkName(ev.Name, lim); err != nil {
		return Event{}, err
	}
	if ev.Channels, err = d.checkChannels(lim); err != nil {
		return Event{}, err
	}
	if !absent(socketID) {
		if !jsontext.IsString(socketID) {
			return Event{}, d.bad("socket_id", `must be a string such as "1234.5678"`)
		}
		given, ok := string(jsontext.Unquote(socketID)), false
		if ev.SocketID, ok = ParseSocketID(given); !ok {
			return Event{}, d.badSocketID(given)
		}
	}
	if ev.Info, err = d.checkInfo(); err != nil {
		return Event{}, err
	}
	ev.HasInfo = ev.Info != 0
	if ev.Data, err = d.checkData(lim); err != nil {
		return Event{}, err
	}
	if d.values[memberKey] != nil {
		if ev.Claim, err = d.checkKey(); err != nil {
			return Event{}, err
		}
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
		return d.bad("name", "%s contains a control character", quoted(name))
	}
	for _, reserved := range [...]string{PrefixPusher, PrefixInternal} {
		if strings.HasPrefix(name, reserved) {
			return d.bad("name", "%s begins with %s, which is reserved for the server's own events", quoted(name), reserved)
		}
	}
	return nil
}

// checkChannels returns the distinct names in channel and channels. In a batch only channel is
// allowed. channels may be an object, as PHP encodes an array with keys: its values are the names, in
// their order.
func (d *draft) checkChannels(lim Limits) ([]string, *Error) {
	var names []string
	if list := d.values[memberChannels]; !absent(list) {
		if d.index >= 0 {
			return nil, d.bad("channels", "is not allowed in a batch; send channel, one name in each event")
		}
		if list[0] != '[' && list[0] != '{' {
			return nil, d.bad("channels", "must be an array of 1 to %d channel names", lim.MaxEventChannels)
		}
		given := 0
		r := jsontext.NewReader(list)
		for more, closing := r.Elements(); more; more = r.NextElement(closing) {
			if given == lim.MaxEventChannels {
				return nil, d.bad("channels", "has more than %d names", lim.MaxEventChannels)
			}
			name, problem := channelName(r.Value(), lim)
			if problem != "" {
				return nil, d.bad(fmt.Sprintf("channels[%d]", given), "%s", problem)
			}
			names = distinct(names, name)
			given++
		}
		if given == 0 {
			return nil, d.bad("channels", "is empty; it must have 1 to %d channel names", lim.MaxEventChannels)
		}
	}
	if raw := d.values[memberChannel]; !absent(raw) {
		name, problem := channelName(raw, lim)
		if problem != "" {
			return nil, d.bad("channel", "%s", problem)
		}
		names = distinct(names, name)
	}
	switch {
	case len(names) == 0 && d.index >= 0:
		return nil, d.missing("channel", "must be the name of a channel")
	case len(names) == 0:
		return nil, missing("channel", fmt.Sprintf("send channel, a name, or channels, an array of 1 to %d names", lim.MaxEventChannels))
	case len(names) > lim.MaxEventChannels:
		return nil, d.bad("channels", "has more than %d names, including the one in channel", lim.MaxEventChannels)
	case len(names) > 1:
		if i := slices.IndexFunc(names, func(name string) bool { return KindOf(name).Encrypted() }); i >= 0 {
			return nil, d.bad("channels", "contains the encrypted channel %s and others; publish to it in a request of its own", quoted(names[i]))
		}
	}
	return names, nil
}

// channelName reads a channel's name from a JSON value. problem is "" or says what is wrong with it.
func channelName(raw []byte, lim Limits) (name, problem string) {
	if !jsontext.IsString(raw) {
		return "", "must be a string, the name of a channel"
	}
	name = string(jsontext.Unquote(raw))
	if _, err := ParseChannel(name, lim.MaxChannelName); err != nil {
		return "", err.Error()
	}
	return name, ""
}

// distinct appends name unless names contains it. A linear search is fast enough for about 100 names.
func distinct(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

func (d *draft) checkInfo() (Info, *Error) {
	raw := d.values[memberInfo]
	if absent(raw) {
		return 0, nil
	}
	if !jsontext.IsString(raw) {
		return 0, d.at("info", refuse(400, "%s, in a string", infoRule))
	}
	info, err := ParseInfo(string(jsontext.Unquote(raw)))
	if err != nil {
		return 0, d.at("info", err)
	}
	if info&InfoCache != 0 {
		return 0, d.bad("info", "cache is not available when publishing; use user_count, subscription_count or serial")
	}
	return info, nil
}

// checkData returns the data as a JSON string literal: a string as it was received, an object or array
// as a string of its text without white space.
func (d *draft) checkData(lim Limits) ([]byte, *Error) {
	raw := d.values[memberData]
	if raw != nil {
		switch raw[0] {
		case '"':
			if n := jsontext.Size(raw); n > lim.MaxEventBytes {
				return nil, d.tooLarge(n, lim)
			}
			return raw, nil
		case '{', '[':
			text := jsontext.Compact(raw)
			if len(text) > lim.MaxEventBytes {
				return nil, d.tooLarge(len(text), lim)
			}
			return jsontext.Literal(text), nil
		}
	}
	const rule = "must be a string, or an object or array, which is sent as its JSON text"
	if absent(raw) {
		return nil, d.missing("data", rule)
	}
	return nil, d.bad("data", rule)
}

func (d *draft) tooLarge(size int, lim Limits) *Error {
	return refuse(413, "%s: %s has %d bytes", DataTooLarge(lim.MaxEventBytes), d.path("data"), size)
}

func (d *draft) badSocketID(given string) *Error {
	return d.bad("socket_id", `%s is not a socket id; send one such as "1234.5678", or leave it out`, quoted(given))
}

// absent reports whether a member is missing or null, which many languages write for a missing value.
func absent(raw []byte) bool { return raw == nil || jsontext.IsNull(raw) }

func (d *draft) missing(field, rule string) *Error {
	which := "it"
	if d.index >= 0 {
		which = d.path(field)
	}
	return missing(field, which+" "+rule)
}

// at appends the path of the field to the message if the event is in a batch.
func (d *draft) at(field string, err *Error) *Error {
	if d.index >= 0 {
		err.Message += " (" + d.path(field) + ")"
	}
	return err
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
