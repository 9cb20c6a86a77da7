package channels

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"fanfare/pusherproto"
)

// refusal is what a client can read out of an error of either kind.
type refusal struct {
	Event   string
	Channel string
	Data    refusalData
}

type refusalData struct {
	Code    *int   // pusher:error
	Message string // pusher:error
	Type    string // pusher:subscription_error
	Error   string // pusher:subscription_error
	Status  int    // pusher:subscription_error
}

// UnmarshalJSON reads an object, which pusher:error has, or a string with one.
func (d *refusalData) UnmarshalJSON(text []byte) error {
	type plain refusalData
	if text[0] == '"' {
		var inner string
		if err := json.Unmarshal(text, &inner); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(inner), (*plain)(d)); err != nil || d.Error == "" {
			return fmt.Errorf("in a string is %q: %w", inner, err)
		}
		return nil
	}
	if err := json.Unmarshal(text, (*plain)(d)); err != nil || d.Message == "" {
		return fmt.Errorf("in no string is %s: %w", text, err)
	}
	return nil
}

func (v *visitor) nextRefusal() (r refusal) {
	v.d.t.Helper()
	if len(v.got) == 0 {
		v.d.t.Fatalf("%s heard nothing, want a refusal", v.ID())
	}
	text := v.got[0]
	v.got = v.got[1:]
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		v.d.t.Fatalf("%s heard %s: %v", v.ID(), text, err)
	}
	if strings.Contains(text, "secret") {
		v.d.t.Errorf("a secret shows in %s", text)
	}
	return r
}

// hearsError takes one pusher:error and returns its message; code 0 is null,
// channel "" is none.
func (v *visitor) hearsError(code int, channel string) string {
	v.d.t.Helper()
	r := v.nextRefusal()
	got := 0
	if r.Data.Code != nil {
		got = *r.Data.Code
	}
	if r.Event != pusherproto.EventError || got != code || r.Channel != channel {
		v.d.t.Fatalf("%s heard %+v (code %d), want pusher:error %d on %q", v.ID(), r, got, code, channel)
	}
	return r.Data.Message
}

// hearsRefusal takes what tells of a refused subscription: a pusher:error that
// names no channel and, unless that is encrypted, a pusher:subscription_error
// with the same sentence. It returns the sentence.
func (v *visitor) hearsRefusal(channel, kind string, status int) string {
	v.d.t.Helper()
	told := v.nextRefusal()
	if told.Event != pusherproto.EventError || told.Channel != "" || told.Data.Code != nil {
		v.d.t.Fatalf("%s heard %+v first, want a pusher:error with code null and no channel", v.ID(), told)
	}
	if strings.HasPrefix(channel, "private-encrypted-") {
		return told.Data.Message
	}
	r := v.nextRefusal()
	if r.Event != pusherproto.EventSubscriptionError || r.Channel != channel || r.Data.Type != kind || r.Data.Status != status {
		v.d.t.Fatalf("%s heard %+v, want a refusal of %s: %s %d", v.ID(), r, channel, kind, status)
	}
	if r.Data.Error != told.Data.Message {
		v.d.t.Fatalf("%s heard %q and %q of one refusal", v.ID(), told.Data.Message, r.Data.Error)
	}
	return r.Data.Error
}

// listed is the confirmation of a presence channel: an id and its user_info,
// as JSON, for each member.
func listed(channel string, members ...string) string {
	var ids, hash []string
	for i := 0; i < len(members); i += 2 {
		id := string(pusherproto.AppendString(nil, members[i]))
		ids, hash = append(ids, id), append(hash, id+":"+members[i+1])
	}
	count, _ := json.Marshal(len(ids))
	data := `{"presence":{"count":` + string(count) + `,"ids":[` + strings.Join(ids, ",") + `],"hash":{` + strings.Join(hash, ",") + `}}}`
	return `{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":` +
		string(pusherproto.AppendString(nil, data)) + `}`
}

// signedIn is the answer to a sign-in with user_data.
func signedIn(userData string) string {
	data := `{"user_data":` + string(pusherproto.AppendString(nil, userData)) + `}`
	return `{"event":"pusher:signin_success","data":` + string(pusherproto.AppendString(nil, data)) + `}`
}

// memberAdded is member_added with user_info as JSON, "" for none.
func memberAdded(channel, user, info string) string {
	data := `{"user_id":` + string(pusherproto.AppendString(nil, user))
	if info != "" {
		data += `,"user_info":` + info
	}
	return `{"event":"pusher_internal:member_added","channel":"` + channel + `","data":` +
		string(pusherproto.AppendString(nil, data+"}")) + `}`
}

// forget drops what the visitors heard so far.
func forget(visitors ...*visitor) {
	for _, v := range visitors {
		v.got = nil
	}
}

func mustNotFail(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
