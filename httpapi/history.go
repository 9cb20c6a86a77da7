package httpapi

import (
	"net/http"
	"strconv"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// The largest and the default number of events in a page of a history.
const (
	mostHistory    = 1000
	defaultHistory = 100
)

// historyBytes limits an answer: a longer page ends with the event that reaches
// it.
const historyBytes = 4 << 20

// historyTime is RFC 3339 with milliseconds.
const historyTime = "2006-01-02T15:04:05.000Z07:00"

// showHistory answers GET
// /apps/ID/channels/NAME/history?limit=&after=&before=&direction=.
func (s *Server) showHistory(x *exchange, r *request) error {
	name, _, err := channelParam(x, r)
	if err != nil {
		return err
	}
	q, err := askedHistory(r.query)
	if err != nil {
		return err
	}
	leave, err := s.listings.enter(x.r.Context(), r.app)
	if err != nil {
		return err
	}
	defer leave()
	page, err := s.cfg.Hub.History(x.r.Context(), r.app, name, q)
	if err != nil {
		return err
	}
	return x.respond(http.StatusOK, appendHistory(nil, &page))
}

// clearHistory answers DELETE /apps/ID/channels/NAME/history.
func (s *Server) clearHistory(x *exchange, r *request) error {
	name, _, err := channelParam(x, r)
	if err != nil {
		return err
	}
	if err := s.cfg.Hub.ClearHistory(x.r.Context(), r.app, name); err != nil {
		return err
	}
	return x.done()
}

func askedHistory(query pusherproto.Query) (channels.HistoryQuery, error) {
	q := channels.HistoryQuery{Limit: defaultHistory}
	if text, _ := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostHistory || strconv.Itoa(n) != text {
			return q, badRequest("limit: %s is not a number from 1 to %d", quoted(text), mostHistory)
		}
		q.Limit = n
	}
	for _, of := range []struct {
		name string
		to   *pusherproto.Serial
	}{{"after", &q.After}, {"before", &q.Before}} {
		text, _ := query.Get(of.name)
		if text == "" {
			continue
		}
		var ok bool
		if *of.to, ok = pusherproto.ParseSerial(text); !ok {
			return q, badRequest("%s: %s is not a serial; send the serial of an event or of an earlier answer", of.name, quoted(text))
		}
	}
	switch text, _ := query.Get("direction"); text {
	case "", "forward":
	case "backward":
		q.Backward = true
	default:
		return q, badRequest("direction: %s is neither forward nor backward", quoted(text))
	}
	return q, nil
}

// appendHistory appends a page. Its serial is where to continue: the serial of
// the last event if there are more, otherwise the latest serial of the channel.
func appendHistory(dst []byte, page *channels.HistoryPage) []byte {
	o := object{b: append(dst, `{"events":[`...)}
	at, more := page.At, page.More
	for i := range page.Events {
		e := &page.Events[i]
		if len(o.b) > historyBytes {
			more = true
			break
		}
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.event(e)
		if more || i < len(page.Events)-1 {
			at = e.Serial
		} else {
			at = page.At
		}
	}
	o.b = append(o.b, ']')
	o.serial("serial", at)
	o.key("more")
	o.b = strconv.AppendBool(o.b, more)
	if page.Lost != nil {
		o.key("lost")
		o.open()
		o.text("reason", page.Lost.Reason)
		o.text("message", page.Lost.Message)
		o.close()
	}
	o.close()
	return o.b
}

// event appends a kept event.
func (o *object) event(e *channels.HistoryEvent) {
	told, _ := pusherproto.DecodeTold(e.Message) // written by the server itself
	o.open()
	o.serial("serial", e.Serial)
	o.text("name", told.Name)
	o.key("data")
	o.b = append(o.b, told.Data...)
	o.text("time", e.Time.UTC().Format(historyTime))
	if told.UserID != "" {
		o.text("user_id", told.UserID)
	}
	if e.Client && !e.SocketID.IsZero() {
		o.text("socket_id", e.SocketID.String())
	}
	o.close()
}

func (o *object) text(name, value string) {
	o.key(name)
	o.b = pusherproto.AppendString(o.b, value)
}

// serial appends the text of a serial, "" if there is none.
func (o *object) serial(name string, s pusherproto.Serial) {
	o.key(name)
	o.b = append(o.b, '"')
	if s != (pusherproto.Serial{}) {
		o.b = pusherproto.AppendSerial(o.b, s)
	}
	o.b = append(o.b, '"')
}
