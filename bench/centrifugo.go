package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fanfare/bench/client"
	"fanfare/pusherproto"
)

// centrifugoDialect is the part of Centrifugo's JSON protocol that the compared
// scenarios need: idle, fanout, trigger, presence and tls.
//
// It requires that anonymous clients may subscribe to channels without a namespace.
// Presence channels are in the namespace "presence", whose joins and leaves are
// pushed, and their members send a token that is signed with the app's secret,
// which is also its API key.
type centrifugoDialect struct{}

func (centrifugoDialect) path(Target) string { return "/connection/websocket" }

func (centrifugoDialect) lines() bool { return true }

func (centrifugoDialect) ping() []byte { return nil }

// upgraded sends the connect command: in this protocol the client sends first.
func (centrifugoDialect) upgraded(f *fleet, c *client.Conn) {
	connect := `{"id":1,"connect":{}}`
	if data := f.memberOf(c); data != "" {
		connect = `{"id":1,"connect":{"token":"` + token(f.target.Secret, data) + `"}}`
	}
	f.send(c, client.OpText, []byte(connect))
}

// token returns the JSON Web Token (RFC 7519, HS256) of a member with its
// channel_data.
func token(secret, data string) string {
	user, info, _ := strings.Cut(strings.TrimPrefix(data, `{"user_id":`), `,"user_info":`)
	claims := `{"sub":` + strings.TrimSuffix(user, "}")
	if info != "" {
		claims += `,"info":` + strings.TrimSuffix(info, "}")
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims+"}"))
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

func (centrifugoDialect) hear(f *fleet, c *client.Conn, message []byte) {
	switch {
	case string(message) == "{}":
		f.pings++
		f.send(c, client.OpText, message)
	case bytes.HasPrefix(message, []byte(`{"push":`)):
		leave := bytes.Contains(message, []byte(`"leave":{`))
		if f.told != nil && (leave || bytes.Contains(message, []byte(`"join":{`))) {
			f.told(c, leave, member(message, `"user":"u`))
		}
	case bytes.Contains(message, []byte(`"error":{`)):
		f.loop.Lose(c, fmt.Errorf("refused: %.200s", message))
	case bytes.HasPrefix(message, []byte(`{"id":1,`)):
		f.established(c, pusherproto.SocketID{})
	case bytes.HasPrefix(message, []byte(`{"id":2,`)):
		if f.peerOf(c).state == peerJoining {
			f.join(c)
		}
	}
}

// channel is the name of a channel here.
func (centrifugoDialect) channel(name string) string {
	if rest, ok := strings.CutPrefix(name, "presence-"); ok {
		return "presence:" + rest
	}
	return name
}

// appendSubscribe also requests the members of a presence channel, which a
// subscription in Pusher's protocol includes: here that is a separate command.
func (d centrifugoDialect) appendSubscribe(b []byte, f *fleet, c *client.Conn) []byte {
	name := d.channel(f.nameOf(c))
	b = pusherproto.AppendString(append(b, `{"id":2,"subscribe":{"channel":`...), name)
	b = append(b, "}}"...)
	if f.memberOf(c) != "" {
		b = pusherproto.AppendString(append(b, "\n"+`{"id":3,"presence":{"channel":`...), name)
		b = append(b, "}}"...)
	}
	return b
}

func (d centrifugoDialect) appendUnsubscribe(b []byte, f *fleet, c *client.Conn) []byte {
	b = pusherproto.AppendString(append(b, `{"id":4,"unsubscribe":{"channel":`...), d.channel(f.nameOf(c)))
	return append(b, "}}"...)
}

func (d centrifugoDialect) appendTrigger(dst []byte, t Target, channels []string, s stamp, size int, _ time.Time) []byte {
	method, body := "publish", []byte(`{"channel":`)
	if len(channels) == 1 {
		body = pusherproto.AppendString(body, channels[0])
	} else {
		method, body = "broadcast", append(appendStrings([]byte(`{"channels":[`), channels), ']')
	}
	body = append(appendData(append(body, `,"data":"`...), s, size), `"}`...)
	return d.appendPost(dst, t, method, body)
}

func (d centrifugoDialect) appendBatch(dst []byte, t Target, batch []batched, size int, _ time.Time) []byte {
	body := []byte(`{"commands":[`)
	for i, e := range batch {
		if i > 0 {
			body = append(body, ',')
		}
		body = pusherproto.AppendString(append(body, `{"publish":{"channel":`...), e.channel)
		body = append(appendData(append(body, `,"data":"`...), e.stamp, size), `"}}`...)
	}
	return d.appendPost(dst, t, "batch", append(body, "]}"...))
}

func (centrifugoDialect) appendPost(dst []byte, t Target, method string, body []byte) []byte {
	dst = append(dst, "POST /api/"+method+" HTTP/1.1\r\nHost: "+t.Host+"\r\nX-API-Key: "+t.Secret+"\r\nContent-Type: application/json\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	return append(append(dst, "\r\n\r\n"...), body...)
}

// took reads the body: refused requests are answered with 200 as well.
func (centrifugoDialect) took(status int, body []byte) bool {
	return status == 200 && !bytes.Contains(body, []byte(`"error"`))
}
