package pusherproto_test

import (
	"fmt"
	"slices"
	"time"

	"fanfare/pusherproto"
)

// A publisher signs its request, the server checks it.
func ExampleRequest_Check() {
	now := time.Unix(1353088179, 0)
	body := []byte(`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`)
	query := pusherproto.SignRequest("app-key", "app-secret", "POST", "/apps/3/events", nil, body, now)

	request := pusherproto.Request{Method: "POST", EscapedPath: "/apps/3/events", RawQuery: query, Body: body}
	secretOf := func(key string) (string, bool) { return "app-secret", key == "app-key" }
	if err := request.Check(secretOf, now); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(request.Check(secretOf, now.Add(time.Hour)))
	// Output: 401: Timestamp expired: Given timestamp (2012-11-16T17:49:39Z) not within 600s of server time (2012-11-16T18:49:39Z): auth_timestamp is 3600 seconds old
}

// Entries are made when members join; a list for one more joiner is then only copied together.
func ExampleAppendPresenceSucceeded() {
	entries := []pusherproto.PresenceEntry{
		pusherproto.NewPresenceEntry("7", []byte(`{"name":"Ann"}`)),
		pusherproto.NewPresenceEntry("8", nil),
	}
	frame := pusherproto.AppendPresenceSucceeded(nil, "presence-x", slices.Values(entries), len(entries))
	fmt.Println(string(frame))
	// Output: {"event":"pusher_internal:subscription_succeeded","channel":"presence-x","data":"{\"presence\":{\"count\":2,\"ids\":[\"7\",\"8\"],\"hash\":{\"7\":{\"name\":\"Ann\"},\"8\":null}}}"}
}
