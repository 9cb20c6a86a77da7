package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"time"

	"fanfare/adminapi"
	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
	"fanfare/sockets"
	"fanfare/webhooks"
)

// adminPatience is how long the event loops may take to answer the admin API.
const adminPatience = 5 * time.Second

// adminChannels shows the admin API channels and users, and acts on them.
type adminChannels struct{ s *server }

func (c adminChannels) app(id string) (*apps.App, error) {
	app, ok := c.s.registry.ByID(id)
	if !ok { // it was there a moment ago
		return nil, &adminapi.Error{Status: http.StatusNotFound, Code: "not_found", Text: "there is no app with this id"}
	}
	return app, nil
}

// List implements adminapi.Channels.
func (c adminChannels) List(ctx context.Context, id, prefix, after string, most int) ([]adminapi.Channel, error) {
	app, err := c.app(id)
	if err != nil {
		return nil, err
	}
	all, err := c.s.hub.Channels(ctx, app, prefix)
	if err != nil {
		return nil, answered(err)
	}
	from := 0
	if after != "" {
		from = sort.Search(len(all), func(i int) bool { return all[i].Name > after })
	}
	all = all[from:min(len(all), from+most)]
	list := make([]adminapi.Channel, 0, len(all))
	for i := range all {
		list = append(list, shownChannel(&all[i]))
	}
	return list, nil
}

func shownChannel(info *channels.ChannelInfo) adminapi.Channel {
	return adminapi.Channel{Name: info.Name, Kind: pusherproto.KindOf(info.Name).String(), Subscriptions: info.Sockets, Users: info.Users}
}

// Describe implements adminapi.Channels.
func (c adminChannels) Describe(ctx context.Context, id, name string) (d adminapi.ChannelDetail, err error) {
	app, err := c.app(id)
	if err != nil {
		return d, err
	}
	kind, err := pusherproto.ParseChannel(name, app.Limits.MaxChannelName)
	if err != nil {
		return d, badRequest(err.Error())
	}
	if kind.UserChannel() {
		return d, badRequest("this is the own channel of a user, about which nothing can be asked")
	}
	info, err := c.s.hub.Channel(ctx, app, name)
	if err != nil {
		return d, answered(err)
	}
	info.Name = name
	d.Channel, d.Occupied = shownChannel(&info), info.Sockets > 0
	if kind.Presence() {
		if d.Members, err = c.s.hub.Members(ctx, app, name); err != nil {
			return d, answered(err)
		}
	}
	if e := info.Cached; e != nil {
		d.Cached = &adminapi.Cached{TTLS: int64((e.TTL + time.Second - 1) / time.Second)}
		if err := json.Unmarshal(e.Data, &d.Cached.Data); err != nil { // it is a JSON string always
			d.Cached.Data = string(e.Data)
		}
	}
	return d, nil
}

// Users implements adminapi.Channels.
func (c adminChannels) Users(_ context.Context, id, after string, most int) ([]adminapi.User, error) {
	app, err := c.app(id)
	if err != nil {
		return nil, err
	}
	var list []adminapi.User
	for _, u := range c.s.hub.Users(app, after, most) {
		list = append(list, adminapi.User(u))
	}
	return list, nil
}

// Send implements adminapi.Channels. An event goes the way of one of the HTTP
// API, without that's limit of events a second.
func (c adminChannels) Send(ctx context.Context, id string, e adminapi.Event) error {
	app, err := c.app(id)
	if err != nil {
		return err
	}
	if e.User != "" {
		e.Channels = []string{pusherproto.UserChannelName(e.User)}
	}
	l := app.Limits
	event, bad := pusherproto.DecodeEvent(eventBody(&e), pusherproto.Query{}, pusherproto.Limits{
		MaxChannelName: l.MaxChannelName, MaxEventName: l.MaxEventName, MaxEventBytes: l.MaxEventBytes, MaxEventChannels: l.MaxEventChannels, MaxBatchEvents: l.MaxBatchEvents,
	})
	if bad != nil {
		return answered(bad)
	}
	return answered(c.s.hub.Publish(ctx, app, event))
}

// eventBody is the request of the HTTP API for an event. Unlike encoding/json, it
// escapes nothing that need not be.
func eventBody(e *adminapi.Event) []byte {
	b := pusherproto.AppendString([]byte(`{"name":`), e.Name)
	b = pusherproto.AppendString(append(b, `,"data":`...), e.Data)
	if e.SocketID != "" {
		b = pusherproto.AppendString(append(b, `,"socket_id":`...), e.SocketID)
	}
	b = append(b, `,"channels":[`...)
	for i, name := range e.Channels {
		if i > 0 {
			b = append(b, ',')
		}
		b = pusherproto.AppendString(b, name)
	}
	return append(b, "]}"...)
}

// Terminate implements adminapi.Channels.
func (c adminChannels) Terminate(ctx context.Context, id, user string) error {
	app, err := c.app(id)
	if err != nil {
		return err
	}
	if !pusherproto.ValidUserID(user) {
		return badRequest("nobody can sign in under this id")
	}
	return answered(c.s.hub.TerminateUser(ctx, app, user))
}

func badRequest(text string) error {
	return &adminapi.Error{Status: http.StatusBadRequest, Code: "bad_request", Text: text}
}

// answered is what the admin API says of an error of the core.
func answered(err error) error {
	var refused *pusherproto.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.Code == http.StatusRequestEntityTooLarge:
		return &adminapi.Error{Status: refused.Code, Code: "too_large", Text: refused.Message}
	case errors.As(err, &refused):
		return badRequest(refused.Message)
	case errors.Is(err, channels.ErrBusy):
		return &adminapi.Error{Status: http.StatusServiceUnavailable, Code: "busy", Text: err.Error()}
	}
	return unavailable(err) // the server ends, is short of memory, or its cluster does not answer
}

// adminSockets shows the admin API the sockets of this node.
type adminSockets struct{ s *server }

// List implements adminapi.Sockets.
func (a adminSockets) List(ctx context.Context, app, cursor string, most int) ([]adminapi.Socket, string, error) {
	var from sockets.Place
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "%d.%d", &from.Loop, &from.Slot); err != nil || fmt.Sprintf("%d.%d", from.Loop, from.Slot) != cursor || from.Loop < 0 || from.Slot < 0 {
			return nil, "", badRequest("cursor is none that this API gave")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	found, next, more, err := a.s.sockets.List(ctx, app, from, most)
	if err != nil {
		return nil, "", unavailable(err)
	}
	list := make([]adminapi.Socket, 0, len(found))
	for i := range found {
		list = append(list, shownSocket(&found[i]))
	}
	cursor = ""
	if more {
		cursor = fmt.Sprintf("%d.%d", next.Loop, next.Slot)
	}
	return list, cursor, nil
}

func shownSocket(i *sockets.Info) adminapi.Socket {
	s := adminapi.Socket{
		ID: i.ID.String(), User: i.User, Transport: "websocket", Since: i.Opened.UTC(), Subscriptions: i.Subscriptions,
		ReceivedBytes: i.Received, SentBytes: i.Sent, WaitingBytes: i.Waiting,
	}
	if i.Address.IsValid() {
		s.Address = i.Address.String()
	}
	if i.HTTP {
		s.Transport = "http"
	}
	return s
}

// mostOfSocket is how many channels of a socket are shown.
const mostOfSocket = 1000

// Find implements adminapi.Sockets.
func (a adminSockets) Find(ctx context.Context, app, id string) (*adminapi.SocketDetail, error) {
	socket, ok := pusherproto.ParseSocketID(id)
	if !ok {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	found, err := a.s.sockets.Find(ctx, app, socket, mostOfSocket)
	if err != nil {
		return nil, unavailable(err)
	}
	if found == nil {
		return nil, nil
	}
	return &adminapi.SocketDetail{Socket: shownSocket(found), Channels: found.Channels}, nil
}

// Close implements adminapi.Sockets.
func (a adminSockets) Close(ctx context.Context, app, id string, c adminapi.Close) (bool, error) {
	socket, ok := pusherproto.ParseSocketID(id)
	if !ok {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	there, err := a.s.sockets.Close(ctx, app, socket, c.Code, c.Reason)
	if err != nil {
		return false, unavailable(err)
	}
	return there, nil
}

// CloseAll implements adminapi.Sockets.
func (a adminSockets) CloseAll(ctx context.Context, app string, c adminapi.Close) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	n, err := a.s.sockets.CloseApp(ctx, app, c.Code, c.Reason)
	if err != nil {
		return 0, unavailable(fmt.Errorf("%d sockets are being closed, others may be left: %w", n, err))
	}
	return n, nil
}

// adminWebhooks shows the admin API the endpoints of webhooks.
type adminWebhooks struct{ hooks *webhooks.Sender }

// Endpoints implements adminapi.Webhooks.
func (w adminWebhooks) Endpoints(deliveries int) []adminapi.Endpoint {
	recent, places := w.hooks.Recent(deliveries)
	stats := w.hooks.Stats().Endpoints
	list := make([]adminapi.Endpoint, 0, len(stats))
	for i, e := range stats[:min(len(stats), len(recent))] { // a reload may have come between
		to := adminapi.Endpoint{
			App: e.App, Endpoint: e.Endpoint, URL: places[i], Down: e.Down, Queued: e.Queued, Sent: e.Sent, Retried: e.Retried, Failed: e.Failed,
			Deliveries: make([]adminapi.Delivery, 0, len(recent[i])),
		}
		for _, d := range e.Dropped {
			to.Dropped += d.Events
		}
		for _, d := range recent[i] {
			to.Deliveries = append(to.Deliveries, shownDelivery(&d))
		}
		list = append(list, to)
	}
	return list
}

func shownDelivery(d *webhooks.Delivery) adminapi.Delivery {
	to := adminapi.Delivery{
		ID: d.ID, App: d.App, Endpoint: d.Endpoint, State: d.State, First: d.First.UTC(), Last: d.Last.UTC(), Status: d.Status, Error: d.Error,
		DurationMS: float64(d.Took.Microseconds()) / 1000, Attempts: d.Attempts, Events: make([]adminapi.HookEvent, 0, len(d.Events)),
		EventCount: d.EventCount, Replayable: d.Replayable,
	}
	if !d.Next.IsZero() {
		next := d.Next.UTC()
		to.Next = &next
	}
	for _, e := range d.Events {
		to.Events = append(to.Events, adminapi.HookEvent(e))
	}
	return to
}

// Replay implements adminapi.Webhooks.
func (w adminWebhooks) Replay(ctx context.Context, id string) (adminapi.Delivery, error) {
	d, err := w.hooks.Replay(ctx, id)
	switch {
	case errors.Is(err, webhooks.ErrNoDelivery):
		return adminapi.Delivery{}, &adminapi.Error{Status: http.StatusNotFound, Code: "not_found", Text: err.Error()}
	case errors.Is(err, webhooks.ErrNotReplayable):
		return adminapi.Delivery{}, &adminapi.Error{Status: http.StatusConflict, Code: "conflict", Text: err.Error()}
	case err != nil:
		return adminapi.Delivery{}, err
	}
	return shownDelivery(&d), nil
}
