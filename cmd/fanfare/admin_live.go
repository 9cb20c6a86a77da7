package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sort"
	"time"

	"fanfare/adminapi"
	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// adminChannels gives the admin API the channels and users, and acts on them.
type adminChannels struct{ s *server }

func (c adminChannels) app(id string) (*apps.App, error) {
	app, ok := c.s.registry.ByID(id)
	if !ok { // it was removed since the request was checked
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
		return d, badRequest("the channel of a user cannot be queried")
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
		if err := json.Unmarshal(e.Data, &d.Cached.Data); err != nil { // data is always a JSON string
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
		list = append(list, adminapi.User{ID: u.ID, Sockets: u.Sockets})
	}
	return list, nil
}

// Send implements adminapi.Channels. It publishes an event as the HTTP API does,
// without that API's limit of events a second.
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

// eventBody returns the body of the HTTP API's request for an event. Unlike
// encoding/json, it escapes only what JSON requires.
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
		return badRequest("the id is not a valid user id")
	}
	return answered(c.s.hub.TerminateUser(ctx, app, user))
}

func badRequest(text string) error {
	return &adminapi.Error{Status: http.StatusBadRequest, Code: "bad_request", Text: text}
}

// answered converts an error of the channel core to an error of the admin API.
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
	return unavailable(err) // the server is ending or short of memory, or the cluster does not answer
}
