package main

import (
	"context"
	"fmt"
	"time"

	"fanfare/adminapi"
	"fanfare/pusherproto"
	"fanfare/sockets"
)

// adminPatience is how long the event loops may take to answer the admin API.
const adminPatience = 5 * time.Second

// adminSockets gives the admin API the sockets of this node.
type adminSockets struct{ s *server }

// List implements adminapi.Sockets.
func (a adminSockets) List(ctx context.Context, app, cursor string, most int) ([]adminapi.Socket, string, error) {
	var from sockets.Place
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "%d.%d", &from.Loop, &from.Slot); err != nil || fmt.Sprintf("%d.%d", from.Loop, from.Slot) != cursor || from.Loop < 0 || from.Slot < 0 {
			return nil, "", badRequest("cursor is not valid: send the next of an earlier answer")
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
		return 0, unavailable(fmt.Errorf("%d sockets are being closed, others may still be open: %w", n, err))
	}
	return n, nil
}
