package pusherproto

import "fanfare/pusherproto/internal/jsontext"

// Told is a decoded event message, in the form in which subscribers receive it.
type Told struct {
	Name   string
	Data   []byte // JSON string literal; other JSON values become a string that holds their text
	UserID string // sender of a client event on a presence channel, else ""
}

// DecodeTold reads a message that AppendEvent or AppendClientEvent wrote, with
// or without a serial. ok is false for anything else. Data is a slice of message
// if the data is a string there.
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
