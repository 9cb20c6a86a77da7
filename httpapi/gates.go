package httpapi

import (
	"context"
	"sync"
)

// gates limits how many callers are inside for each key; further ones wait. The
// zero value is ready to use.
type gates[K comparable] struct {
	mu  sync.Mutex
	all map[K]*gate
}

type gate struct {
	places chan struct{}
	users  int // inside or waiting
}

// enter waits for one of most places of key and returns the function that
// releases it. ok is false if ctx was done first.
func (g *gates[K]) enter(ctx context.Context, key K, most int) (leave func(), ok bool) {
	at := g.join(key, most)
	select {
	case at.places <- struct{}{}:
		return func() {
			<-at.places
			g.part(key, at)
		}, true
	case <-ctx.Done():
		g.part(key, at)
		return nil, false
	}
}

func (g *gates[K]) join(key K, most int) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.all[key]
	if at == nil {
		if g.all == nil {
			g.all = make(map[K]*gate)
		}
		at = &gate{places: make(chan struct{}, most)}
		g.all[key] = at
	}
	at.users++
	return at
}

func (g *gates[K]) part(key K, at *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at.users--; at.users == 0 {
		delete(g.all, key)
	}
}
