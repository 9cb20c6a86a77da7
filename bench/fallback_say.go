package bench

import (
	"encoding/json"
	"fmt"
	"strconv"

	"fanfare/bench/client"
)

// saying is a request that waits for a caller.
type saying struct {
	index   int32
	request []byte
}

// sayers is the number of connections that the sessions share for sending.
const sayers = 16

// send sends a message of a session.
func (b *fallback) send(c *client.Conn, message []byte) {
	body, err := json.Marshal([]string{string(message)})
	if err != nil {
		b.fleet.loop.Lose(c, err)
		return
	}
	b.say(c.Index, body)
}

func (b *fallback) say(index int32, body []byte) {
	request := b.appendRequest(nil, index, "xhr_send")
	request = strconv.AppendInt(request, int64(len(body)), 10)
	request = append(append(request, "\r\nContent-Type: application/json\r\n\r\n"...), body...)
	if len(b.idle) == 0 {
		b.waiting = append(b.waiting, saying{index, request})
		return
	}
	s := b.idle[len(b.idle)-1]
	b.idle = b.idle[:len(b.idle)-1]
	b.speaking[s.Stream] = index
	s.Send(request)
}

// said handles the answer to a session's message.
func (b *fallback) said(s *client.Caller, status int, body []byte) {
	if c := b.fleet.conns[b.speaking[s.Stream]]; status != 204 && c.Open() {
		b.fleet.loop.Lose(c, fmt.Errorf("send: %s", refusal(status, body)))
	}
	if len(b.waiting) == 0 {
		b.idle = append(b.idle, s)
		return
	}
	next := b.waiting[0]
	b.waiting = b.waiting[1:]
	b.speaking[s.Stream] = next.index
	s.Send(next.request)
}
