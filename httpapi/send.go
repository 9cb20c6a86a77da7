package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"fanfare/channels"
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// deliverWithin is how long a send waits while the server is busy.
const deliverWithin = 10 * time.Second

// send receives messages of a client: a JSON array of strings, one for each
// message.
func (s *Server) send(x *exchange, appKey string) error {
	id, err := sessionID(x)
	if err != nil {
		return err
	}
	app, ok := s.cfg.Apps.ByKey(appKey)
	if !ok {
		return &pusherproto.Error{Code: http.StatusNotFound, Message: "there is no app with this key"}
	}
	x.app = app
	if !originAllowed(x.r.Header["Origin"], app) {
		return &pusherproto.Error{Code: http.StatusForbidden, Message: "Origin not allowed"}
	}
	key := sockets.SessionKey{AppID: app.ID, Random: id}
	look, ok := s.name(x.r, &s.sendGuesses)
	if !ok {
		setRetryAfter(x, retrySeconds)
		x.why = channels.ReasonUnknownSession
		return tooManyGuesses
	}
	if !look.session(key) {
		if !look.slow {
			s.cfg.Sockets.Misrouted(key)
		}
		look.missed()
		x.why = channels.ReasonUnknownSession
		return unknownSession()
	}
	look.found()
	most := s.cfg.Sockets.MessageLimit(app)
	b, err := s.readSend(x, key, int64(2*most)) // every character may be escaped
	if err != nil {
		if tooMuch(err) { // clients react to the session's messages, not to the status
			s.cfg.Sockets.DeliverNothing(key)
		}
		return err
	}
	defer s.bodies.release(b)
	messages, bad := decodeMessages(b.bytes)
	if bad != nil {
		return bad
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), deliverWithin)
	defer cancel()
	if taken, err := s.cfg.Sockets.Deliver(ctx, key, messages); err != nil {
		return err
	} else if !taken {
		return unknownSession()
	}
	for _, m := range messages {
		if len(m) > most { // the session was notified, and received the other messages
			return &pusherproto.Error{
				Code:    http.StatusRequestEntityTooLarge,
				Message: fmt.Sprintf("a message is too large; at most %d bytes are allowed", most),
			}
		}
	}
	x.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	return x.nothing(http.StatusNoContent)
}

// The maximum of sends whose bodies are read at a time. Further ones wait, and
// their bodies are not read. More are not needed: a client sends the body right
// after the head.
const (
	sendsOfSession = 2
	sendsOfAddress = 64
)

// readSend reads the body of a send. The caller has authenticated only by the
// id of a session.
func (s *Server) readSend(x *exchange, key sockets.SessionKey, most int64) (*body, error) {
	if err := x.checkBody(most); err != nil {
		return nil, err
	}
	within := s.live.Load().BodyTimeout
	ctx, cancel := context.WithTimeout(x.r.Context(), within)
	defer cancel()
	leave, ok := s.sends.enter(ctx, key, sendsOfSession)
	if !ok {
		return nil, tooManySends(x)
	}
	defer leave()
	leaveAddress, ok := s.senders.enter(ctx, network(s.clientAddr(x.r)), sendsOfAddress)
	if !ok {
		return nil, tooManySends(x)
	}
	defer leaveAddress()
	return s.bodies.read(x, most, within)
}

func tooManySends(x *exchange) error {
	setRetryAfter(x, retrySeconds)
	return &pusherproto.Error{Code: http.StatusTooManyRequests, Message: "too many sends of this session or address are incomplete"}
}

func tooMuch(err error) bool {
	var refusal *pusherproto.Error
	return errors.As(err, &refusal) && refusal.Code == http.StatusRequestEntityTooLarge
}

func unknownSession() error {
	return &pusherproto.Error{Code: http.StatusNotFound, Message: "there is no such session, or it has ended"}
}

// mostMessages is the maximum of messages in one send. pusher-js sends each in
// its own request.
const mostMessages = 1000

func decodeMessages(body []byte) ([]string, *pusherproto.Error) {
	refuse := func(status int, message string) ([]string, *pusherproto.Error) {
		return nil, &pusherproto.Error{Code: status, Message: message}
	}
	if !utf8.Valid(body) {
		return refuse(http.StatusBadRequest, "the body is not UTF-8")
	}
	var values []*string
	if err := json.Unmarshal(body, &values); err != nil || values == nil {
		return refuse(http.StatusBadRequest, "the body must be a JSON array of strings, each a message")
	}
	if len(values) > mostMessages {
		return refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("a send holds at most %d messages", mostMessages))
	}
	messages := make([]string, 0, len(values))
	for _, v := range values {
		if v == nil {
			return refuse(http.StatusBadRequest, "the body must be a JSON array of strings, each a message")
		}
		messages = append(messages, *v)
	}
	return messages, nil
}
