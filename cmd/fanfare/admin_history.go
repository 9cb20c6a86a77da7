package main

import (
	"context"
	"encoding/json"

	"fanfare/adminapi"
	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// keptBytes bounds what is shown of a history at once.
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
	told, _ := pusherproto.DecodeTold(e.Message) // the server's own words
	k := adminapi.KeptEvent{Serial: e.Serial.String(), Time: e.Time.UTC(), Name: told.Name, UserID: told.UserID}
	if e.Client {
		k.SocketID = e.SocketID.String()
	}
	if err := json.Unmarshal(told.Data, &k.Data); err != nil { // it is a JSON string always
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

// withHistory is the app of a channel that can be asked about.
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
		return nil, badRequest("this is a user's own channel, which keeps no history")
	}
	return app, nil
}
