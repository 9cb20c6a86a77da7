package main

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"fanfare/pusherproto"
)

// message is a message of a server (docs/spec/websocket.md#data).
type message struct {
	Event   string          `json:"event"`
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
	UserID  json.RawMessage `json:"user_id"`
}

// errEnough ends a subscriber that has printed as many events as it should.
var errEnough = errors.New("enough events arrived")

// eventPrinter prints events, one a line.
type eventPrinter struct {
	out  io.Writer
	json bool
	only []string   // names of the events to print; empty means all
	key  *masterKey // of encrypted channels; nil prints their data as it is
	most int        // number of events to end after; 0 means no limit

	counted int
}

// eventLine is an event as --format json prints it.
type eventLine struct {
	Time    string          `json:"time"` // RFC 3339, with milliseconds
	Event   string          `json:"event"`
	Channel string          `json:"channel,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"` // the JSON value in a data string, or the string
	UserID  string          `json:"user_id,omitempty"`
	Problem string          `json:"problem,omitempty"` // why data is still encrypted
}

// print prints an event that arrived at a time. It returns errEnough with the last
// event that is needed.
func (p *eventPrinter) print(m message, at time.Time) error {
	own := strings.HasPrefix(m.Event, pusherproto.PrefixPusher) || strings.HasPrefix(m.Event, pusherproto.PrefixInternal)
	name := m.Event
	if rest, ok := strings.CutPrefix(name, pusherproto.PrefixInternal); ok {
		name = pusherproto.PrefixPusher + rest
	}
	if len(p.only) > 0 && !slices.Contains(p.only, name) {
		return nil
	}
	data, problem := dataText(m.Data), ""
	if p.key != nil && !own && pusherproto.KindOf(m.Channel).Encrypted() {
		if plain, err := p.key.open(m.Channel, data); err != nil {
			problem = err.Error()
		} else {
			data = plain
		}
	}
	user := dataText(m.UserID)
	if err := p.line(eventLine{Event: name, Channel: m.Channel, UserID: user, Problem: problem}, data, at); err != nil {
		return err
	}
	if !own || len(p.only) > 0 {
		p.counted++
	}
	if p.most > 0 && p.counted >= p.most {
		return errEnough
	}
	return nil
}

func (p *eventPrinter) line(e eventLine, data string, at time.Time) error {
	if p.json {
		e.Time = at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
		e.Data = valueOf(data)
		return writeJSON(p.out, e)
	}
	words := []string{at.Format("15:04:05.000"), e.Channel, e.Event}
	if e.Channel == "" {
		words = slices.Delete(words, 1, 2)
	}
	if e.UserID != "" {
		words = append(words, "user_id="+e.UserID)
	}
	if data != "" && !(data == "{}" && strings.HasPrefix(e.Event, pusherproto.PrefixPusher)) {
		words = append(words, data)
	}
	if e.Problem != "" {
		words = append(words, "("+e.Problem+")")
	}
	_, err := io.WriteString(p.out, printable(strings.Join(words, " "))+"\n")
	return err
}

// valueOf returns the JSON value in data, as SDKs pass it to a page. Data that is
// no JSON is returned as a JSON string.
func valueOf(data string) json.RawMessage {
	if data == "" {
		return nil
	}
	if json.Valid([]byte(data)) {
		return json.RawMessage(data)
	}
	return pusherproto.AppendString(nil, data)
}
