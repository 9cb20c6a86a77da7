package bench

import (
	"strconv"
	"time"

	"fanfare/pusherproto"
)

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
