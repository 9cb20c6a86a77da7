package pusherproto

import (
	"bytes"

	"fanfare/pusherproto/internal/jsontext"
)

// User is a user who signs in, as user_data describes it. It keeps no reference to the input.
type User struct {
	ID               string
	UserInfo         []byte   // JSON text without white space between tokens; nil when absent or null
	Watchlist        []string // distinct ids in order, at most 100
	WatchlistTooLong bool     // the client sent more than 100 distinct ids
}

// DecodeUserData reads user_data of at most 32 KB: a JSON object with the string id and, optionally,
// user_info and watchlist. A watchlist that is not an array is ignored, and so are its entries that
// are not strings. The error has CodeUnauthorized. See docs/spec/users.md#sign-in.
func DecodeUserData(s string) (User, *Error) {
	if len(s) > maxUserData {
		return User{}, refuse(CodeUnauthorized, "user_data has %d bytes; at most %d are allowed", len(s), maxUserData)
	}
	r := jsontext.NewReader([]byte(s))
	if r.Peek() != '{' {
		return User{}, refuse(CodeUnauthorized, `user_data must be a JSON object such as {"id":"7"}`)
	}
	names := [...]string{"id", "user_info", "watchlist"}
	var values [len(names)][]byte
	if twice := r.Object(names[:], values[:]); twice != "" {
		return User{}, refuse(CodeUnauthorized, "user_data has %q twice; send each member once", twice)
	}
	if !r.End() {
		return User{}, refuse(CodeUnauthorized, "user_data is not valid JSON: %s", r.Problem())
	}
	id, info, watchlist := values[0], values[1], values[2]
	if !jsontext.IsString(id) {
		return User{}, refuse(CodeUnauthorized, "user_data has no id, or its id is not a string")
	}
	u := User{ID: string(jsontext.Unquote(id))}
	if !ValidUserID(u.ID) {
		return User{}, refuse(CodeUnauthorized, "user_data has the id %s; %s", quoted(u.ID), userIDRule)
	}
	if info != nil && !jsontext.IsNull(info) {
		u.UserInfo = bytes.Clone(jsontext.Compact(info))
	}
	if len(watchlist) > 0 && watchlist[0] == '[' {
		u.Watchlist, u.WatchlistTooLong = decodeWatchlist(watchlist)
	}
	return u, nil
}

func decodeWatchlist(raw []byte) (ids []string, tooLong bool) {
	seen := make(map[string]struct{})
	r := jsontext.NewReader(raw)
	for more := r.Open(); more; more = r.Next(']') {
		v := r.Value()
		if !jsontext.IsString(v) {
			continue
		}
		id := string(jsontext.Unquote(v))
		if _, dup := seen[id]; dup {
			continue
		}
		if len(ids) == maxWatchlist {
			return ids, true
		}
		seen[id] = struct{}{}
		ids = append(ids, id)
	}
	return ids, false
}
