package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gobwas/ws"

	"fanfare/pusherproto"
)

// conversation is one connection of a subscriber. It signs in, and then subscribes
// to one channel after the other. So an error that names no channel is about the
// subscription that is not confirmed yet.
type conversation struct {
	*subscriber
	socket   *socket
	id       pusherproto.SocketID // zero before connection_established
	activity time.Duration        // time without a message after which a ping is sent
	signedIn bool
	done     int // number of confirmed subscriptions: the first ones of channels
}

const (
	longestSilence = 120 * time.Second // as in pusher-js, if the server allows more
	pongTimeout    = 30 * time.Second
)

// converse opens a connection and prints what arrives until it ends. ready reports
// whether all subscriptions were confirmed.
func (s *subscriber) converse(ctx context.Context) (ready bool, err error) {
	path := "/app/" + url.PathEscape(s.app.Key) + "?protocol=7&client=fanfare-cli&version=" + url.QueryEscape(version) + "&flash=false"
	c := &conversation{subscriber: s, activity: longestSilence}
	if c.socket, err = s.peer.dialSocket(ctx, path); err != nil {
		return false, err
	}
	defer c.socket.close()
	err = c.listen(ctx)
	return c.done == len(s.channels), err
}

// listen handles what arrives until the connection ends. Any frame shows that the
// server is alive. After a time without one, listen sends a ping.
func (c *conversation) listen(ctx context.Context) error {
	silence := time.NewTimer(handshakeTimeout)
	defer silence.Stop()
	asked := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-silence.C:
			switch {
			case c.id.IsZero():
				return closed{reason: fmt.Sprintf("no first message within %v", handshakeTimeout)}
			case asked:
				return closed{reason: "no answer to a ping"}
			}
			asked = true
			silence.Reset(pongTimeout)
			if err := c.say(`{"event":"pusher:ping","data":{}}`); err != nil {
				return err
			}
		case in := <-c.socket.in:
			if in.err != nil {
				return lost(in.err)
			}
			if err := c.hear(in); err != nil {
				return err
			}
			if !c.id.IsZero() {
				asked = false
				silence.Reset(c.activity)
			}
		}
	}
}

// say sends a message.
func (c *conversation) say(text string) error {
	if err := c.socket.send(ws.OpText, []byte(text)); err != nil {
		return lost(err)
	}
	return nil
}

// lost returns the error of a connection that failed.
func lost(err error) error { return closed{reason: "the connection ended: " + shown(err.Error())} }

func (c *conversation) hear(in incoming) error {
	switch in.op {
	case ws.OpPing:
		if err := c.socket.send(ws.OpPong, in.payload); err != nil {
			return lost(err)
		}
	case ws.OpClose:
		code, reason := ws.ParseCloseFrameData(in.payload)
		return closed{int(code), shown(reason)}
	case ws.OpText:
		var m message
		if err := json.Unmarshal(in.payload, &m); err != nil || m.Event == "" {
			return errors.New("the server sent a message that is not of the Pusher protocol: " + shown(string(in.payload)))
		}
		return c.handle(m)
	}
	return nil
}

func (c *conversation) handle(m message) error {
	switch m.Event {
	case pusherproto.EventConnectionEstablished:
		return c.established(m)
	case pusherproto.EventPing:
		return c.say(`{"event":"pusher:pong","data":{}}`)
	case pusherproto.EventPong:
		return nil
	case pusherproto.EventSigninSuccess:
		c.signedIn = true
		return c.next()
	case pusherproto.EventError:
		return c.wrong(m)
	case pusherproto.EventSubscriptionError:
		if waiting := c.waitsFor(); waiting != "" && m.Channel == waiting {
			return refused("%s is refused: %s", waiting, shown(dataText(m.Data)))
		}
	}
	if err := c.printer.print(m, time.Now()); err != nil {
		return err
	}
	if m.Event == pusherproto.EventSubscriptionSucceeded && m.Channel == c.waitsFor() {
		c.done++
		return c.next()
	}
	return nil
}

// waitsFor returns the channel whose subscription is not confirmed yet, "" for
// none.
func (c *conversation) waitsFor() string {
	if c.done == len(c.channels) {
		return ""
	}
	return c.channels[c.done]
}

func (c *conversation) established(m message) error {
	var data struct {
		SocketID string  `json:"socket_id"`
		Activity float64 `json:"activity_timeout"` // in seconds
	}
	err := json.Unmarshal([]byte(dataText(m.Data)), &data)
	id, _ := pusherproto.ParseSocketID(data.SocketID)
	if err != nil || id.IsZero() || id.String() != data.SocketID {
		return errors.New("the server gave no socket id that can be signed: " + shown(dataText(m.Data)))
	}
	c.id = id
	if data.Activity >= 1 && data.Activity < longestSilence.Seconds() {
		c.activity = time.Duration(data.Activity * float64(time.Second))
	}
	c.note("connected to " + c.peer.base + " as " + data.SocketID)
	return c.next()
}

// next sends the next request: the sign-in, then the subscriptions in their order.
func (c *conversation) next() error {
	if c.user != "" && !c.signedIn {
		data := `{"id":` + quoted(c.user) + `}`
		auth := c.app.Key + ":" + pusherproto.SignUser(c.app.Secret, c.id, data)
		return c.say(`{"event":"pusher:signin","data":{"auth":` + quoted(auth) + `,"user_data":` + quoted(data) + `}}`)
	}
	channel := c.waitsFor()
	if channel == "" {
		return nil
	}
	text := `{"event":"pusher:subscribe","data":{"channel":` + quoted(channel)
	if kind := pusherproto.KindOf(channel); kind.Signed() {
		data := ""
		if kind.Presence() {
			data = c.member
			text += `,"channel_data":` + quoted(data)
		}
		auth := c.app.Key + ":" + pusherproto.SignChannel(c.app.Secret, c.id, channel, data, kind.Presence())
		text += `,"auth":` + quoted(auth)
	}
	return c.say(text + "}}")
}

// wrong handles pusher:error. An error instead of a confirmation is about the last
// request. An error before the first message comes with a close frame, and has its
// code.
func (c *conversation) wrong(m message) error {
	var data struct {
		Code    int    `json:"code"` // 0 if it is null
		Message string `json:"message"`
	}
	text := dataText(m.Data)
	if json.Unmarshal([]byte(text), &data) == nil && data.Message != "" {
		text = data.Message
	}
	text = shown(text)
	switch {
	case c.id.IsZero():
		return closed{data.Code, text}
	case data.Code == 0, data.Code == pusherproto.CodeUnauthorized:
		if c.user != "" && !c.signedIn {
			return refused("the sign-in as %s is refused: %s", c.user, text)
		}
		if waiting := c.waitsFor(); waiting != "" {
			return refused("%s is refused: %s", waiting, text)
		}
	}
	c.note("the server says: " + text)
	return nil
}
