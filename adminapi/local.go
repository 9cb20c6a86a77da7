package adminapi

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Local answers for one node, both to its own API and to other nodes. It needs
// no listener.
type Local struct {
	Self     Member
	Apps     Apps
	Channels Channels
	Sockets  Sockets
	Webhooks Webhooks
	Log      Log
	Now      func() time.Time // nil is time.Now
}

// Answer answers the question of another node in at most most bytes. It returns
// nil if there is no answer.
func (l *Local) Answer(ctx context.Context, text []byte, most int) []byte {
	var q question
	if json.Unmarshal(text, &q) != nil {
		return nil
	}
	q.Limit = min(max(q.Limit, 1), mostPage+1)
	for cut := false; ; cut = true {
		a, err := l.answer(ctx, q)
		if err != nil {
			a = answer{Error: asError(err)}
		}
		a.Cut = cut
		if b := encode(a); len(b) <= most {
			return b
		}
		if q.Limit == 1 {
			return nil
		}
		q.Limit /= 2
	}
}

func (l *Local) answer(ctx context.Context, q question) (a answer, err error) {
	if q.App != "" && !l.Apps.Has(q.App) { // this node holds nothing of an app that it does not serve
		return a, nil
	}
	switch q.About {
	case aboutUsers:
		a.Users, err = l.users(ctx, q.App, q.After, q.Limit)
	case aboutSockets:
		a.Sockets, a.Next, err = l.sockets(ctx, q.App, q.After, q.Limit)
	case aboutSocket:
		a.Socket, err = l.socket(ctx, q.App, q.ID)
	case aboutClose:
		if err = q.Close.check(); err == nil {
			a.There, err = l.Sockets.Close(ctx, q.App, q.ID, *q.Close)
		}
	case aboutCloseAll:
		if err = q.Close.check(); err == nil {
			a.Count, err = l.Sockets.CloseAll(ctx, q.App, *q.Close)
		}
	case aboutWebhooks:
		a.Endpoints = l.endpoints(q.App, q.After, q.Limit)
	case aboutReplay:
		var d Delivery
		d, err = l.replay(ctx, q.ID)
		a.Delivery = &d
	default:
		err = bad("this node does not support the question")
	}
	return a, err
}

// users lists the users with ids greater than after.
func (l *Local) users(ctx context.Context, app, after string, most int) ([]User, error) {
	list, err := l.Channels.Users(ctx, app, after, most)
	for i := range list {
		list[i].Nodes = []string{l.Self.Name}
	}
	return list, err
}

func (l *Local) sockets(ctx context.Context, app, cursor string, most int) ([]Socket, string, error) {
	list, next, err := l.Sockets.List(ctx, app, cursor, most)
	for i := range list {
		list[i].Node = l.Self.Name
	}
	return list, next, err
}

func (l *Local) socket(ctx context.Context, app, id string) (*SocketDetail, error) {
	found, err := l.Sockets.Find(ctx, app, id)
	if err != nil || found == nil {
		return nil, err
	}
	found.Node = l.Self.Name
	found.Channels = append([]string{}, found.Channels[:min(len(found.Channels), mostNames)]...)
	return found, nil
}

// mostDeliveries is the maximum of deliveries in an answer for each endpoint.
const mostDeliveries = 20

// endpoints lists the endpoints of an app, or of all apps, with keys greater
// than after.
func (l *Local) endpoints(app, after string, most int) []Endpoint {
	list := []Endpoint{}
	for _, e := range l.Webhooks.Endpoints(mostDeliveries) {
		e.Node, e.at = l.Self.Name, l.Self.ID
		if (app == "" || e.App == app) && (after == "" || e.key() > after) {
			e.Deliveries = append([]Delivery{}, e.Deliveries...)
			for i := range e.Deliveries {
				e.Deliveries[i].ID = l.outside(e.Deliveries[i].ID)
			}
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b Endpoint) int { return strings.Compare(a.key(), b.key()) })
	return list[:min(len(list), most)]
}

// key is the position of an endpoint in lists: sorted by app, number and node.
func (e *Endpoint) key() string { return fmt.Sprintf("%s %06d %s", e.App, e.Endpoint, e.at) }

// idEnds separates the node's id from the delivery's.
const idEnds = "-"

// outside returns the id of a delivery as callers see it, which contains the id
// of its node.
func (l *Local) outside(id string) string {
	if l.Self.ID == "" {
		return id
	}
	return l.Self.ID + idEnds + id
}

// replay replays a delivery of this node.
func (l *Local) replay(ctx context.Context, id string) (Delivery, error) {
	node, own, apart := strings.Cut(id, idEnds)
	if apart && node != l.Self.ID {
		return Delivery{}, noDelivery
	}
	if !apart {
		own = id
	}
	d, err := l.Webhooks.Replay(ctx, own)
	d.ID = l.outside(d.ID)
	return d, err
}

func (l *Local) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}
