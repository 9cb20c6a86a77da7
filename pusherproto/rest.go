package pusherproto

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"fanfare/pusherproto/internal/jsontext"
)

// Limits bound what a publisher may send. A zero field stands for the default in its comment. A value
// equal to the limit is accepted. See docs/spec/limits.md#limits.
type Limits struct {
	MaxChannelName   int // characters, 200
	MaxEventName     int // characters, 200
	MaxEventBytes    int // UTF-8 bytes of the decoded data, 10240
	MaxEventChannels int // channels of one event, 100
	MaxBatchEvents   int // events of one batch, 10
}

func (l Limits) withDefaults() Limits {
	return Limits{
		MaxChannelName:   orDefault(l.MaxChannelName, defaultChannelName),
		MaxEventName:     orDefault(l.MaxEventName, defaultEventName),
		MaxEventBytes:    orDefault(l.MaxEventBytes, defaultEventBytes),
		MaxEventChannels: orDefault(l.MaxEventChannels, defaultEventChannels),
		MaxBatchEvents:   orDefault(l.MaxBatchEvents, defaultBatchEvents),
	}
}

// Event is a checked publish.
type Event struct {
	Name     string
	Data     []byte   // JSON string literal, quotes included; a slice of the body if it was a string there
	Channels []string // distinct, in the order given, at least one
	SocketID SocketID // the socket that does not receive the event; zero if there is none
	Info     Info     // attributes of each channel that the response includes
	HasInfo  bool     // Info names at least one attribute
	// Serials is nil or has one element per channel. The publisher sets the element of each channel that
	// keeps a history to the event's serial.
	Serials []Serial
	Claim   *Claim // the idempotency key; nil if there is none
}

// DecodeEvent reads and checks the body of POST /events, a JSON object or nothing. Parameters that the
// body does not have are read from the query, where channels[] or channels may be repeated. The error has
// Code 413 for data that is too large, else 400, and names the field. It begins with Pusher's own message
// where Pusher has one. See docs/spec/http-api.md#publishing.
func DecodeEvent(body []byte, query Query, lim Limits) (Event, *Error) {
	lim = lim.withDefaults()
	r := unmarked(body)
	d := draft{index: -1, raw: body, query: query}
	if c := r.Peek(); !r.AtEnd() {
		if c != '{' {
			return Event{}, refuse(400, "body must be a JSON object; send %s", eventShape)
		}
		if err := d.read(&r); err != nil {
			return Event{}, err
		}
		if !r.End() {
			return Event{}, refuse(400, "body is not valid JSON: %s", r.Problem())
		}
	}
	if err := d.fill(query); err != nil {
		return Event{}, err
	}
	return d.check(lim)
}

// unmarked returns a reader that skips a byte order mark, which some editors and languages write at the
// start (RFC 8259 §8.1).
func unmarked(body []byte) jsontext.Reader {
	return jsontext.NewReader(bytes.TrimPrefix(body, []byte("\ufeff")))
}

const eventShape = `{"name":"my-event","channels":["my-channel"],"data":"…"}`

// RawEvent checks an event of the deprecated POST /channels/NAME/events: name and socketID come from the
// query ("" for no socket), and the whole body is the data. Errors are as for DecodeEvent.
func RawEvent(name, channel, socketID string, body []byte, lim Limits) (Event, *Error) {
	lim = lim.withDefaults()
	d := draft{index: -1}
	if name == "" {
		return Event{}, d.missing("name", fmt.Sprintf("must have 1 to %d characters, in the query", lim.MaxEventName))
	}
	if err := d.checkName(name, lim); err != nil {
		return Event{}, err
	}
	if _, err := ParseChannel(channel, lim.MaxChannelName); err != nil {
		return Event{}, d.bad("channel", "%v", err)
	}
	ev := Event{Name: name, Channels: []string{channel}}
	if socketID != "" {
		var ok bool
		if ev.SocketID, ok = ParseSocketID(socketID); !ok {
			return Event{}, d.badSocketID(socketID)
		}
	}
	if len(body) > lim.MaxEventBytes {
		return Event{}, d.tooLarge(len(body), lim)
	}
	if !utf8.Valid(body) {
		return Event{}, d.bad("data", "the body is not valid UTF-8")
	}
	ev.Data = jsontext.Literal(body)
	return ev, nil
}

// DecodeBatch reads and checks the body of POST /batch_events, {"batch":[EVENT, …]}. Each event has one
// channel. batch may be an object, as PHP encodes an array with keys: its values are the events, in their
// order. If one event is wrong, DecodeBatch returns no events, and an error that names the event by its
// index. An empty batch is not an error. Errors are as for DecodeEvent. See
// docs/spec/http-api.md#publishing.
func DecodeBatch(body []byte, lim Limits) ([]Event, *Error) {
	const shape = `{"batch":[{"name":"my-event","channel":"my-channel","data":"…"}]}`
	lim = lim.withDefaults()
	r := unmarked(body)
	switch c := r.Peek(); {
	case r.AtEnd():
		return nil, missing("batch", "send "+shape)
	case c != '{':
		return nil, refuse(400, "body must be a JSON object; send %s", shape)
	}
	var drafts []draft
	found := false
	for more := r.Open(); more; more = r.Next('}') {
		if string(r.Key()) != "batch" {
			r.Value()
			continue
		}
		if found {
			return nil, refuse(400, "batch: is sent twice; send it once")
		}
		found = true
		if c := r.Peek(); c == 'n' {
			return nil, missing("batch", "send "+shape)
		} else if c != '[' && c != '{' && !r.AtEnd() {
			return nil, refuse(400, "batch: must be an array of events; send %s", shape)
		}
		var err *Error
		if drafts, err = readBatch(&r, lim); err != nil {
			return nil, err
		}
	}
	if !r.End() {
		return nil, refuse(400, "body is not valid JSON: %s", r.Problem())
	}
	if !found {
		return nil, missing("batch", "send "+shape)
	}
	events := make([]Event, 0, len(drafts))
	for i := range drafts {
		ev, err := drafts[i].check(lim)
		if err != nil {
			return nil, err
		}
		events = append(events, ev)
	}
	return events, nil
}

// readBatch reads at most lim.MaxBatchEvents events of a batch, and refuses a batch of more.
func readBatch(r *jsontext.Reader, lim Limits) ([]draft, *Error) {
	var drafts []draft
	surplus := 0
	for more, closing := r.Elements(); more; more = r.NextElement(closing) {
		if len(drafts) == lim.MaxBatchEvents {
			r.Value()
			surplus++
			continue
		}
		d := draft{index: len(drafts)}
		if r.Peek() != '{' && !r.AtEnd() {
			return nil, refuse(400, "batch[%d]: must be an object", d.index)
		}
		from := r.Offset()
		if err := d.read(r); err != nil {
			return nil, err
		}
		d.raw = r.Since(from)
		drafts = append(drafts, d)
	}
	if surplus > 0 {
		return nil, refuse(400, "Batch too large (%d > %d)", len(drafts)+surplus, lim.MaxBatchEvents)
	}
	return drafts, nil
}
