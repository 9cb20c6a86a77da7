package pusherproto_test

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fanfare/pusherproto"
)

var (
	ann  = pusherproto.NewPresenceEntry("7", []byte(`{"name":"Ann"}`))
	ben  = pusherproto.NewPresenceEntry("8", nil)
	both = slices.Values([]pusherproto.PresenceEntry{ann, ben})
	none = slices.Values([]pusherproto.PresenceEntry(nil))
)

type encoder struct {
	desc   string
	append func(dst []byte) []byte
	want   string
}

// encoders is every encoder but the presence list's, with arguments and the bytes they must give.
var encoders = []encoder{
	{
		"connection established",
		func(dst []byte) []byte {
			return pusherproto.AppendConnectionEstablished(dst, pusherproto.SocketID{A: 1234, B: 5678}, 120)
		},
		`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1234.5678\",\"activity_timeout\":120}"}`,
	},
	{
		"connection established never says 0",
		func(dst []byte) []byte {
			return pusherproto.AppendConnectionEstablished(dst, pusherproto.SocketID{A: 1, B: 2}, 0)
		},
		`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":30}"}`,
	},
	{
		"error with a channel",
		func(dst []byte) []byte { return pusherproto.AppendError(dst, "presence-room", 4301, `no "a"`) },
		`{"event":"pusher:error","channel":"presence-room","data":{"code":4301,"message":"no \"a\""}}`,
	},
	{
		"error with code null and no channel",
		func(dst []byte) []byte { return pusherproto.AppendError(dst, "", pusherproto.CodeNone, "what") },
		`{"event":"pusher:error","data":{"code":null,"message":"what"}}`,
	},
	{"pong", pusherproto.AppendPong, `{"event":"pusher:pong","data":"{}"}`},
	{"ping", pusherproto.AppendPing, `{"event":"pusher:ping","data":"{}"}`},
	{
		"subscription succeeded",
		func(dst []byte) []byte { return pusherproto.AppendSubscriptionSucceeded(dst, "news") },
		`{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`,
	},
	{
		"subscription error",
		func(dst []byte) []byte {
			return pusherproto.AppendSubscriptionError(dst, "private-x", &pusherproto.SubscriptionError{Type: "AuthError", Message: "no \"a\"\n", Status: 401})
		},
		`{"event":"pusher:subscription_error","channel":"private-x","data":"{\"type\":\"AuthError\",\"error\":\"no \\\"a\\\"\\n\",\"status\":401}"}`,
	},
	{
		"subscription error on a name that needs escapes",
		func(dst []byte) []byte {
			return pusherproto.AppendSubscriptionError(dst, "a\"\n\xff", &pusherproto.SubscriptionError{Type: "InvalidChannel", Message: "m", Status: 400})
		},
		`{"event":"pusher:subscription_error","channel":"a\"\n\ufffd","data":"{\"type\":\"InvalidChannel\",\"error\":\"m\",\"status\":400}"}`,
	},
	{
		"cache miss",
		func(dst []byte) []byte { return pusherproto.AppendCacheMiss(dst, "cache-x") },
		`{"event":"pusher:cache_miss","channel":"cache-x","data":"{}"}`,
	},
	{
		"event with its data unchanged",
		func(dst []byte) []byte {
			return pusherproto.AppendEvent(dst, `App\Events\X`, "news", []byte(`"{\"a\":\u0031}"`))
		},
		`{"event":"App\\Events\\X","channel":"news","data":"{\"a\":\u0031}"}`,
	},
	{
		"client event on presence",
		func(dst []byte) []byte {
			return pusherproto.AppendClientEvent(dst, []byte("client-typing"), []byte("presence-room"), []byte(`{"a":1}`), "7")
		},
		`{"event":"client-typing","channel":"presence-room","data":{"a":1},"user_id":"7"}`,
	},
	{
		"client event without a user",
		func(dst []byte) []byte {
			return pusherproto.AppendClientEvent(dst, []byte("client-\"é"), []byte("private-x"), []byte("1e400"), "")
		},
		`{"event":"client-\"é","channel":"private-x","data":1e400}`,
	},
	{
		"client event with data null",
		func(dst []byte) []byte {
			return pusherproto.AppendClientEvent(dst, []byte("client-a"), []byte("private-x"), []byte("null"), "")
		},
		`{"event":"client-a","channel":"private-x","data":null}`,
	},
	{
		"member added",
		func(dst []byte) []byte {
			return pusherproto.AppendMemberAdded(dst, "presence-x", "7", []byte(`{"name":"Ann"}`))
		},
		`{"event":"pusher_internal:member_added","channel":"presence-x","data":"{\"user_id\":\"7\",\"user_info\":{\"name\":\"Ann\"}}"}`,
	},
	{
		"member added without info",
		func(dst []byte) []byte { return pusherproto.AppendMemberAdded(dst, "presence-x", "7", nil) },
		`{"event":"pusher_internal:member_added","channel":"presence-x","data":"{\"user_id\":\"7\"}"}`,
	},
	{
		"member added with an id that needs escapes",
		func(dst []byte) []byte {
			return pusherproto.AppendMemberAdded(dst, "presence-x", "\"\\\n\x01\u2028😀", []byte(`"\"\\\n"`))
		},
		`{"event":"pusher_internal:member_added","channel":"presence-x","data":"{\"user_id\":\"\\\"\\\\\\n\\u0001\\u2028😀\",\"user_info\":\"\\\"\\\\\\n\"}"}`,
	},
	{
		"member removed",
		func(dst []byte) []byte { return pusherproto.AppendMemberRemoved(dst, "presence-x", "7") },
		`{"event":"pusher_internal:member_removed","channel":"presence-x","data":"{\"user_id\":\"7\"}"}`,
	},
	{
		"subscription count",
		func(dst []byte) []byte { return pusherproto.AppendSubscriptionCount(dst, "news", 42) },
		`{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":42}"}`,
	},
	{
		"sign-in success",
		func(dst []byte) []byte {
			return pusherproto.AppendSigninSuccess(dst, `{"id":"7","user_info":{"name":"Ann"},"watchlist":["8","9"]}`)
		},
		`{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"7\\\",\\\"user_info\\\":{\\\"name\\\":\\\"Ann\\\"},\\\"watchlist\\\":[\\\"8\\\",\\\"9\\\"]}\"}"}`,
	},
	{
		"watchlist events",
		func(dst []byte) []byte {
			return pusherproto.AppendWatchlistEvents(dst, []string{"8"}, []string{"9", "10"})
		},
		`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"8\"]},{\"name\":\"offline\",\"user_ids\":[\"9\",\"10\"]}]}"}`,
	},
	{
		"watchlist events, online only",
		func(dst []byte) []byte { return pusherproto.AppendWatchlistEvents(dst, []string{"8"}, nil) },
		`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"8\"]}]}"}`,
	},
	{
		"watchlist events, offline only",
		func(dst []byte) []byte { return pusherproto.AppendWatchlistEvents(dst, nil, []string{"\""}) },
		`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"\\\"\"]}]}"}`,
	},
	{"string", func(dst []byte) []byte { return pusherproto.AppendString(dst, `plain`) }, `"plain"`},
}

func TestEncoders_ExactBytes(t *testing.T) {
	for _, tt := range encoders {
		t.Run(tt.desc, func(t *testing.T) {
			got := tt.append([]byte("before"))
			if diff := cmp.Diff("before"+tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !json.Valid([]byte(tt.want)) {
				t.Errorf("not JSON: %s", tt.want)
			}
		})
	}
}

// The Java and the .NET client want data in every frame, and a string in every one but pusher:error.
func TestEncoders_DataIsAStringButInErrors(t *testing.T) {
	for _, tt := range encoders {
		if tt.desc == "string" {
			continue
		}
		t.Run(tt.desc, func(t *testing.T) {
			var frame struct {
				Event string
				Data  json.RawMessage
			}
			if err := json.Unmarshal(tt.append(nil), &frame); err != nil || frame.Data == nil {
				t.Fatalf("no data in %s: %v", tt.append(nil), err)
			}
			if strings.HasPrefix(frame.Event, "client-") { // as the sender sent it
				return
			}
			var inner string
			isString := json.Unmarshal(frame.Data, &inner) == nil
			if isString == (frame.Event == pusherproto.EventError) {
				t.Errorf("data is the wrong kind: %s", frame.Data)
			}
			if isString && !json.Valid([]byte(inner)) {
				t.Errorf("the string holds no JSON: %s", inner)
			}
		})
	}
}

func TestEncoders_AllocateNothingWithRoom(t *testing.T) {
	buf := make([]byte, 0, 4096)
	for _, tt := range encoders {
		t.Run(tt.desc, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, func() { buf = tt.append(buf[:0]) }); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
		})
	}
}

func TestPresenceList_ExactBytes(t *testing.T) {
	tests := []struct {
		desc    string
		entries iter.Seq[pusherproto.PresenceEntry]
		count   int
		want    string
	}{
		{
			"two members", both, 2,
			`{"event":"pusher_internal:subscription_succeeded","channel":"presence-x","data":"{\"presence\":{\"count\":2,\"ids\":[\"7\",\"8\"],\"hash\":{\"7\":{\"name\":\"Ann\"},\"8\":null}}}"}`,
		},
		{
			"empty", none, 0,
			`{"event":"pusher_internal:subscription_succeeded","channel":"presence-x","data":"{\"presence\":{\"count\":0,\"ids\":[],\"hash\":{}}}"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			got := pusherproto.AppendPresenceSucceeded(nil, "presence-x", tt.entries, tt.count)
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPresenceList_AllocationsDoNotGrowWithMembers(t *testing.T) {
	buf := make([]byte, 0, 1<<20)
	allocations := func(members int) float64 {
		entries := slices.Values(slices.Repeat([]pusherproto.PresenceEntry{ann}, members))
		return testing.AllocsPerRun(20, func() {
			buf = pusherproto.AppendPresenceSucceeded(buf[:0], "presence-x", entries, members)
		})
	}
	few, many := allocations(1), allocations(1000)
	if few != many || many > 8 {
		t.Errorf("%v allocations for 1 member, %v for 1000; want the same few", few, many)
	}
}

func TestNewPresenceEntry_Escaped(t *testing.T) {
	e := pusherproto.NewPresenceEntry("7", []byte(`{"name":"Ann"}`))
	if diff := cmp.Diff(`\"7\"`, string(e.ID)); diff != "" {
		t.Errorf("ID (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(`\"7\":{\"name\":\"Ann\"}`, string(e.Hash)); diff != "" {
		t.Errorf("Hash (-want +got):\n%s", diff)
	}
}

// presenceList is what a client reads out of the confirmation.
type presenceList struct {
	Presence struct {
		Count int                        `json:"count"`
		IDs   []string                   `json:"ids"`
		Hash  map[string]json.RawMessage `json:"hash"`
	} `json:"presence"`
}

func TestPresenceList_ReadsBackWhateverTheIDs(t *testing.T) {
	ids := []string{"7", `"`, `\`, "__proto__", "😀", "\u2028", "\n\x00", "é", "a b", strings.Repeat("x", 128)}
	info := `{"n":"\"\\\n\u2028é😀","x":[1e400,null]}`
	entries := make([]pusherproto.PresenceEntry, 0, len(ids))
	for _, id := range ids {
		entries = append(entries, pusherproto.NewPresenceEntry(id, []byte(info)))
	}
	frame := pusherproto.AppendPresenceSucceeded(nil, "presence-x", slices.Values(entries), len(ids))

	var outer struct{ Data string }
	if err := json.Unmarshal(frame, &outer); err != nil {
		t.Fatalf("%v in %s", err, frame)
	}
	var got presenceList
	if err := json.Unmarshal([]byte(outer.Data), &got); err != nil {
		t.Fatalf("%v in %s", err, outer.Data)
	}
	if diff := cmp.Diff(ids, got.Presence.IDs); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	for _, id := range ids {
		if diff := cmp.Diff(info, string(got.Presence.Hash[id])); diff != "" {
			t.Errorf("hash[%q] (-want +got):\n%s", id, diff)
		}
	}
	if got.Presence.Count != len(ids) || len(got.Presence.Hash) != len(ids) {
		t.Errorf("count %d, %d keys; want %d", got.Presence.Count, len(got.Presence.Hash), len(ids))
	}
}

func TestAppendString_Escapes(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", `""`},
		{"plain", `"plain"`},
		{`"`, `"\""`},
		{`\`, `"\\"`},
		{"/", `"/"`},
		{"\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"\x00\x01\x1f", `"\u0000\u0001\u001f"`},
		{"\x7f", "\"\x7f\""},
		{"<>&", `"<>&"`},
		{"é€😀", `"é€😀"`},
		{"\u2028\u2029", `"\u2028\u2029"`},
		{"\u2027\u202a", "\"\u2027\u202a\""},
		{"\xff", `"\ufffd"`},
		{"a\xe2\x82", `"a\ufffd\ufffd"`},
		{"\ufffd", "\"\ufffd\""},
		{"0123456789abcdef\"", `"0123456789abcdef\""`},
		{"0123456\x00", `"0123456\u0000"`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, string(pusherproto.AppendString(nil, tt.in))); diff != "" {
			t.Errorf("AppendString(%q) (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestClientEventUser_IsTheLastMember(t *testing.T) {
	const data = `{"x":1,"user_id":"forged"}`
	for _, user := range []string{"", "7", `a"b\c`, `,"user_id":`, "\u2028é"} {
		m := pusherproto.AppendClientEvent(nil, []byte("client-e"), []byte("presence-x"), []byte(data), user)
		if got := pusherproto.ClientEventUser(m); got != user {
			t.Errorf("the sender of %s is %q, want %q", m, got, user)
		}
	}
}
