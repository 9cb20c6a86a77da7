package pusherproto

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"fanfare/pusherproto/internal/jsontext"
)

// Member is a user who joins a presence channel. It keeps no reference to the input.
type Member struct {
	UserID   string // 1 to 128 characters; a number keeps its literal text
	UserInfo []byte // JSON text without white space between tokens; nil if absent or null
}

// DecodeChannelData reads channel_data: a JSON object with user_id, a string or a number, and,
// optionally, user_info of at most maxUserInfo bytes (0 means 2048), counted without the white space
// between tokens. The error is AuthError 400, or LimitReached 413 if user_info is too large. See
// docs/spec/presence.md#members.
func DecodeChannelData(s string, maxUserInfo int) (Member, *SubscriptionError) {
	maxUserInfo = orDefault(maxUserInfo, defaultUserInfo)
	bad := func(format string, args ...any) (Member, *SubscriptionError) {
		return Member{}, &SubscriptionError{
			Type: authError, Status: 400,
			Message: "channel_data " + fmt.Sprintf(format, args...),
		}
	}
	r := jsontext.NewReader([]byte(s))
	if r.Peek() != '{' {
		return bad(`must be a JSON object such as {"user_id":"7"}`)
	}
	names := [...]string{"user_id", "user_info"}
	var values [len(names)][]byte
	if twice := r.Object(names[:], values[:]); twice != "" {
		return bad("has %q twice; send each member once", twice)
	}
	if !r.End() {
		return bad("is not valid JSON: %s", r.Problem())
	}
	id, info := values[0], values[1]
	if jsontext.IsString(id) && jsontext.HalfPair(id) {
		return bad(`has a user_id with half a surrogate pair (\ud800 to \udfff), which is no character`)
	}
	m := Member{UserID: memberID(id)}
	if m.UserID == "" {
		return bad("has no usable user_id; it must be a number or a string that is not empty")
	}
	if n := utf8.RuneCountInString(m.UserID); n > maxUserID {
		return bad("has a user_id of %d characters; at most %d are allowed", n, maxUserID)
	}
	if info == nil || jsontext.IsNull(info) {
		return m, nil
	}
	info = jsontext.Compact(info)
	if len(info) > maxUserInfo {
		return Member{}, &SubscriptionError{
			Type: limitReached, Status: 413,
			Message: fmt.Sprintf("user_info has %d bytes; at most %d are allowed", len(info), maxUserInfo),
		}
	}
	m.UserInfo = bytes.Clone(info)
	return m, nil
}

// memberID returns the text of a user_id: a string's content or a number's literal; "" for other
// values.
func memberID(raw []byte) string {
	switch {
	case jsontext.IsString(raw):
		return string(jsontext.Unquote(raw))
	case len(raw) > 0 && (raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9'):
		return string(raw)
	}
	return ""
}
