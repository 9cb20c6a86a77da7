package main

import (
	"context"
	"encoding/json"

	"fanfare/adminapi"
	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// keptBytes is how many bytes of messages a page of a history holds, plus one
// message.
const keptBytes = 4 << 20

// History implements adminapi.Channels.
func (c adminChannels) History(ctx context.Context, id, name, before string, most int) (list adminapi.Kept, err error) {
	app, err := c.withHistory(id, name)
	if err != nil {
		return list, err
	}
	q := channels.HistoryQuery{Limit: most, Backward: true}
	if before != "" {
		var ok bool
		if q.Before, ok = pusherproto.ParseSerial(before); !ok {
			return list, badRequest("cursor is not valid: send the next of an earlier answer")
		}
	}
	page, err := c.s.hub.History(ctx, app, name, q)
	if err != nil {
		return list, answered(err)
	}
	bytes := 0
	for i := range page.Events {
		if bytes > keptBytes {
			page.More = true
			break
		}
		bytes += len(page.Events[i].Message)
		list.Events = append(list.Events, shownKept(&page.Events[i]))
	}
	if n := len(list.Events); page.More && n > 0 {
		list.Next = list.Events[n-1].Serial
	}
	return list, nil
}

func shownKept(e *channels.HistoryEvent) adminapi.KeptEvent {
	told, _ := pusherproto.DecodeTold(e.Message) // written by this server, so it is valid
	k := adminapi.KeptEvent{Serial: e.Serial.String(), Time: e.Time.UTC(), Name: told.Name, UserID: told.UserID}
	if e.Client {
		k.SocketID = e.SocketID.String()
	}
	if err := json.Unmarshal(told.Data, &k.Data); err != nil { // data is always a JSON string
		k.Data = string(told.Data)
	}
	return k
}

// ClearHistory implements adminapi.Channels.
func (c adminChannels) ClearHistory(ctx context.Context, id, name string) error {
	app, err := c.withHistory(id, name)
	if err != nil {
		return err
	}
	return answered(c.s.hub.ClearHistory(ctx, app, name))
}

// withHistory returns the app, if the channel's name is valid and not the channel
// of a user.
func (c adminChannels) withHistory(id, name string) (*apps.App, error) {
	app, err := c.app(id)
	if err != nil {
		return nil, err
	}
	kind, err := pusherproto.ParseChannel(name, app.Limits.MaxChannelName)
	switch {
	case err != nil:
		return nil, badRequest(err.Error())
	case kind.UserChannel():
		return nil, badRequest("the channel of a user keeps no history")
	}
	return app, nil
}
