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

// deliverWithin is how long a send waits for a busy server.
const deliverWithin = 10 * time.Second

// send takes messages of a client: a JSON array of strings, each one message.
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
		if tooMuch(err) { // clients look at what the session says, not at the status
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
		if len(m) > most { // the session was told, and got the others
			return &pusherproto.Error{
				Code:    http.StatusRequestEntityTooLarge,
				Message: fmt.Sprintf("a message is too large; at most %d bytes are allowed", most),
			}
		}
	}
	x.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	return x.nothing(http.StatusNoContent)
}

// Sends whose bodies are read at a time. Nobody needs more: a client's bodies
// come with their heads. Further ones wait, with nothing of their bodies read.
const (
	sendsOfSession = 2
	sendsOfAddress = 64
)

// readSend reads the body of a send. Its caller has shown no more than the id
// of a session.
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
	return &pusherproto.Error{Code: http.StatusTooManyRequests, Message: "too many sends of this session or address have not arrived whole"}
}

func tooMuch(err error) bool {
	var refusal *pusherproto.Error
	return errors.As(err, &refusal) && refusal.Code == http.StatusRequestEntityTooLarge
}

func unknownSession() error {
	return &pusherproto.Error{Code: http.StatusNotFound, Message: "there is no such session, or it has ended"}
}

// mostMessages is how many messages one send may hold. pusher-js sends each
// in a request of its own.
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
