package pusherproto

import "fanfare/pusherproto/internal/jsontext"

// Told is an event in parts, of a message as subscribers get it.
type Told struct {
	Name   string
	Data   []byte // JSON string literal: what was sent as a string, or else the string of its JSON text
	UserID string // of the sender of a client event on a presence channel; "" for none
}

// DecodeTold reads a message that AppendEvent or AppendClientEvent wrote, with a
// serial or without. Data is a part of the message unless what was sent is no
// string.
func DecodeTold(message []byte) (t Told, ok bool) {
	r := jsontext.NewReader(message)
	names := [...]string{"event", "data", "user_id"}
	var values [len(names)][]byte
	if twice := r.Object(names[:], values[:]); twice != "" || !r.End() || !jsontext.IsString(values[0]) || values[1] == nil {
		return Told{}, false
	}
	t = Told{Name: string(jsontext.Unquote(values[0])), Data: values[1]}
	if !jsontext.IsString(t.Data) {
		t.Data = jsontext.Literal(t.Data)
	}
	if jsontext.IsString(values[2]) {
		t.UserID = string(jsontext.Unquote(values[2]))
	}
	return t, true
}
