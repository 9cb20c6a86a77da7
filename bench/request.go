package bench

import (
	"strconv"
	"time"

	"fanfare/pusherproto"
)

// appendTrigger appends a signed POST /apps/ID/events of one event to one
// channel, with data of size bytes that begin with the stamp.
func (t Target) appendTrigger(dst []byte, channel string, s stamp, size int, now time.Time) []byte {
	body := make([]byte, 0, 96+len(channel)+size)
	body = append(body, `{"name":"bench","channels":[`...)
	body = pusherproto.AppendString(body, channel)
	body = append(body, `],"data":"`...)
	body = appendData(body, s, size)
	body = append(body, `"}`...)

	return t.appendPost(dst, "/events", body, now)
}

// appendPost appends a signed POST of a body to a path below /apps/ID.
func (t Target) appendPost(dst []byte, below string, body []byte, now time.Time) []byte {
	path := "/apps/" + t.AppID + below
	dst = append(dst, "POST "...)
	dst = append(dst, path...)
	dst = append(dst, '?')
	dst = append(dst, pusherproto.SignRequest(t.Key, t.Secret, "POST", path, nil, body, now)...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, t.Host...)
	dst = append(dst, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...)
}
