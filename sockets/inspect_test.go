package sockets

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"fanfare/pusherproto"
)

// list lists all sockets of an app, page by page.
func (h *harness) list(app string, most int) (all []Info) {
	h.Helper()
	for at := (Place{}); ; {
		page, next, more, err := h.server.List(h.Context(), app, at, most)
		if err != nil {
			h.Fatal(err)
		}
		if len(page) > most {
			h.Errorf("%d on a page of %d", len(page), most)
		}
		all = append(all, page...)
		if at = next; !more {
			return all
		}
	}
}

func TestInspect_SocketsAreListedPageByPageAndFound(t *testing.T) {
	linksOf(t, Config{Loops: 3}, nil, func(h *harness) {
		const count = 10
		for i := range count {
			h.subscribed(fmt.Sprintf("channel-%d", i))
		}
		seen := map[pusherproto.SocketID]bool{}
		for _, info := range h.list("1", 3) {
			if seen[info.ID] || info.Subscriptions != 1 || info.HTTP || info.Received == 0 || info.Sent == 0 || !info.Address.IsLoopback() {
				h.Errorf("got %+v, seen %t", info, seen[info.ID])
			}
			seen[info.ID] = true
			found, err := h.server.Find(h.Context(), "1", info.ID, 5)
			if err != nil || found == nil || len(found.Channels) != 1 {
				h.Errorf("found %+v, %v", found, err)
			}
			if found, err := h.server.Find(h.Context(), "2", info.ID, 5); found != nil || err != nil {
				h.Errorf("another app has %+v, %v", found, err)
			}
		}
		if len(seen) != count || len(h.list("2", 3)) != 0 {
			h.Errorf("%d sockets, and %d of an app that has none", len(seen), len(h.list("2", 3)))
		}
	})
}

func TestInspect_SocketsAreClosed(t *testing.T) {
	linksOf(t, Config{Loops: 2}, nil, func(h *harness) {
		first, second, third := h.subscribed("a"), h.subscribed("b"), h.subscribed("c")
		one := h.list("1", 1000)[0]
		if there, err := h.server.Close(h.Context(), "2", one.ID, 4200, "x"); there || err != nil {
			h.Errorf("of another app: %t, %v", there, err)
		}
		if there, err := h.server.Close(h.Context(), "1", one.ID, 4200, "x"); !there || err != nil {
			h.Errorf("%t, %v", there, err)
		}
		if there, err := h.server.Close(h.Context(), "1", one.ID, 4200, "x"); there || err != nil {
			h.Errorf("twice: %t, %v", there, err)
		}
		if n, err := h.server.CloseApp(h.Context(), "1", 4200, "x"); n != 2 || err != nil {
			h.Errorf("%d were closed, %v", n, err)
		}
		for _, p := range []*peer{first, second, third} {
			p.expectClose(4200)
		}
	})
}

// A loop that does not turn keeps nobody longer than they want to wait, and does
// nothing for them later.
func TestInspect_WhoLeaves_IsNotAnswered(t *testing.T) {
	h := start(t, Config{Loops: 1}, nil)
	h.subscribed("a")
	stuck, release := make(chan struct{}), make(chan struct{})
	go h.on(h.server.loops[0], func() { close(stuck); <-release })
	<-stuck
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := h.server.CloseApp(ctx, "1", 4200, "x"); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d were closed, %v", n, err)
	}
	close(release)
	if len(h.list("1", 10)) != 1 {
		t.Error("the socket was closed after all")
	}
}
