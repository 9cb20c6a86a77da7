package adminapi

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// list is one node's part of a list. Cut means that it continues.
type list[T any] struct {
	items []T
	cut   bool
}

// merge makes a page from the sorted lists of several nodes, each of which
// starts after the previous page. more reports whether there are further pages.
func merge[T any](lists []list[T], most int, key func(*T) string) (all []T, more bool) {
	horizon := "" // names above it may be missing
	for _, l := range lists {
		if n := len(l.items); l.cut && n > 0 {
			if last := key(&l.items[n-1]); horizon == "" || last < horizon {
				horizon = last
			}
		}
		all = append(all, l.items...)
	}
	slices.SortStableFunc(all, func(a, b T) int { return strings.Compare(key(&a), key(&b)) })
	if horizon != "" {
		n := slices.IndexFunc(all, func(t T) bool { return key(&t) > horizon })
		if n >= 0 {
			all = all[:n]
		}
		more = true
	}
	return all[:len(all):len(all)], more
}

// pageEnd cuts a list to a page of at most most and returns the cursor of the
// next page.
func pageEnd[T any](all []T, more bool, most int, key func(*T) string) ([]T, string) {
	if len(all) > most {
		all, more = all[:most], true
	}
	if all == nil {
		all = []T{}
	}
	if !more || len(all) == 0 {
		return all, ""
	}
	return all, base64.RawURLEncoding.EncodeToString([]byte(key(&all[len(all)-1])))
}

// together merges users that are on several nodes and adds up their sockets.
func together(all []User) []User {
	users := all[:0]
	for _, u := range all {
		if n := len(users); n > 0 && users[n-1].ID == u.ID {
			users[n-1].Sockets += u.Sockets
			users[n-1].Nodes = append(slices.Clip(users[n-1].Nodes), u.Nodes...)
			continue
		}
		users = append(users, u)
	}
	return users
}

// users is GET apps/ID/users.
func (s *Server) users(r *request) (any, error) {
	app, p, err := s.listOf(r)
	if err != nil {
		return nil, err
	}
	of, err := s.scope(r)
	if err != nil {
		return nil, err
	}
	leave, err := s.listing(r.Context())
	if err != nil {
		return nil, err
	}
	defer leave()
	others := s.asking(r.Context(), of.others, question{About: aboutUsers, App: app, After: p.after, Limit: p.most + 1}, askPatience)
	var lists []list[User]
	if of.self {
		var own []User
		if own, err = s.local.users(r.Context(), app, p.after, p.most+1); err == nil {
			lists = append(lists, list[User]{items: own})
		}
	}
	answers, missing := failed(others())
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		lists = append(lists, list[User]{a.Users, a.Cut})
	}
	id := func(u *User) string { return u.ID }
	all, more := merge(lists, p.most, id)
	users, next := pageEnd(together(all), more, p.most, id)
	return map[string]any{"node": s.local.Self.Name, "users": users, "next": next, "missing": missing}, nil
}

// webhooks is GET webhooks.
func (s *Server) webhooks(r *request) (any, error) {
	p, err := r.page()
	if err != nil {
		return nil, err
	}
	of, err := s.scope(r)
	if err != nil {
		return nil, err
	}
	leave, err := s.listing(r.Context())
	if err != nil {
		return nil, err
	}
	defer leave()
	only := r.URL.Query().Get("app")
	others := s.asking(r.Context(), of.others, question{About: aboutWebhooks, App: only, After: p.after, Limit: p.most + 1}, askPatience)
	var lists []list[Endpoint]
	if of.self {
		lists = append(lists, list[Endpoint]{items: s.local.endpoints(only, p.after, p.most+1)})
	}
	answers, missing := failed(others())
	for _, a := range answers {
		for i := range a.Endpoints {
			a.Endpoints[i].at = a.ID
		}
		lists = append(lists, list[Endpoint]{a.Endpoints, a.Cut})
	}
	all, more := merge(lists, p.most, (*Endpoint).key)
	endpoints, next := pageEnd(all, more, p.most, (*Endpoint).key)
	return map[string]any{"node": s.local.Self.Name, "endpoints": endpoints, "next": next, "missing": missing}, nil
}

// sockets answers GET apps/ID/sockets. It asks one node after the other, in the
// order of their ids, until the page is full.
func (s *Server) sockets(r *request) (any, error) {
	app, err := s.app(r)
	if err != nil {
		return nil, err
	}
	most, err := r.limit()
	if err != nil {
		return nil, err
	}
	of, err := s.scope(r)
	if err != nil {
		return nil, err
	}
	leave, err := s.listing(r.Context())
	if err != nil {
		return nil, err
	}
	defer leave()
	nodes := of.others
	if of.self {
		nodes = append(slices.Clip(nodes), s.local.Self)
	}
	slices.SortFunc(nodes, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	cursor := r.URL.Query().Get("cursor")
	if s.local.Self.ID != "" && cursor != "" {
		node, inner, ok := strings.Cut(cursor, ":")
		if _, err := strconv.ParseUint(node, 16, 64); !ok || err != nil || len(node) != 16 || strings.ToLower(node) != node {
			return nil, badCursor
		}
		nodes = slices.DeleteFunc(nodes, func(m Member) bool { return m.ID < node })
		if cursor = inner; len(nodes) > 0 && nodes[0].ID != node {
			cursor = "" // the node has left: start with the first socket of the next node
		}
	}
	found, next, missing, err := s.socketsOf(r.Context(), nodes, question{About: aboutSockets, App: app, After: cursor, Limit: most})
	if err != nil {
		return nil, err
	}
	return map[string]any{"node": s.local.Self.Name, "sockets": found, "next": next, "missing": missing}, nil
}

// socketsOf lists sockets of nodes, the first from a cursor on. If nodes that
// do not answer have used up the time of the request, the rest is left to the
// next page.
func (s *Server) socketsOf(ctx context.Context, nodes []Member, q question) (found []Socket, next string, missing []string, err error) {
	found, missing = []Socket{}, []string{}
	most := q.Limit
	at := func(m Member, cursor string) string {
		if m.ID == "" {
			return cursor
		}
		return m.ID + ":" + cursor
	}
	begun := time.Now()
	for i, m := range nodes {
		if len(found) == most || m != s.local.Self && time.Since(begun) > askPatience*3/2 {
			return found, at(m, ""), missing, nil
		}
		q.Limit = most - len(found)
		var some []Socket
		if m == s.local.Self {
			if some, next, err = s.local.sockets(ctx, q.App, q.After, q.Limit); err != nil {
				return nil, "", nil, err
			}
		} else {
			answers, silent := failed(s.asking(ctx, nodes[i:i+1], q, askPatience)())
			missing, next = append(missing, silent...), ""
			for _, a := range answers {
				some, next = a.Sockets, a.Next
			}
		}
		found = append(found, some...)
		if q.After = ""; next != "" {
			return found, at(m, next), missing, nil
		}
	}
	return found, "", missing, nil
}
