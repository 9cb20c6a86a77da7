package redis

import (
	"context"
	"errors"
	"sync"
	"time"
)

// askEvery is how often a Redis Cluster is asked which server has which slots,
// while a place has no connection.
const askEvery = time.Second

// fleet is the servers that an Engine uses: one, or the masters of a Redis Cluster
// that have a place. It keeps a connection to each.
type fleet struct {
	e     *Engine
	stale chan struct{} // not empty if the owners may have changed
	done  sync.WaitGroup

	mu      sync.Mutex
	owners  [places]*site    // nil if unknown
	moved   map[place]string // address to which each has moved, as its previous server reports
	sites   map[string]*site
	used    bool          // every place has had a connection
	trouble string        // why a server could not be reached last; "" if each place has a connection
	changed chan struct{} // closed when a place may have a new connection
}

func newFleet(e *Engine) *fleet {
	return &fleet{e: e, stale: make(chan struct{}, 1), moved: map[place]string{}, sites: map[string]*site{}, changed: make(chan struct{})}
}

// run keeps connections until ctx is done. It returns an error if the servers
// cannot be used and never could.
func (f *fleet) run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer f.done.Wait()
	defer fail(nil)
	var owners [places]string
	for wait := leastWait; ; wait = min(2*wait, mostWait) {
		var err error
		if owners, err = f.first(ctx); err == nil {
			break
		}
		if unfit := (*unfitError)(nil); errors.As(err, &unfit) {
			return err
		}
		if !f.pause(ctx, err, "", wait) {
			return nil
		}
	}
	f.assign(ctx, fail, owners)
	for f.e.sharded.Load() && ctx.Err() == nil {
		f.reask(ctx, fail)
	}
	<-ctx.Done()
	if unfit := (*unfitError)(nil); errors.As(context.Cause(ctx), &unfit) {
		return unfit
	}
	return nil
}

// first finds the kind of server, and the owner of each place.
func (f *fleet) first(ctx context.Context) (owners [places]string, err error) {
	if f.e.cfg.SentinelMaster != "" {
		return owners, nil
	}
	for _, address := range f.e.cfg.Addresses {
		var sharded bool
		if owners, sharded, err = f.look(ctx, address); err == nil {
			f.e.sharded.Store(sharded)
			return owners, nil
		}
		if unfit := (*unfitError)(nil); errors.As(err, &unfit) {
			break
		}
	}
	return owners, err
}

// look asks one server. A single server has all places, at the address "".
func (f *fleet) look(ctx context.Context, address string) (owners [places]string, sharded bool, err error) {
	c, err := f.e.dial(ctx, address)
	if err != nil {
		return owners, false, f.e.explain(err)
	}
	defer c.close()
	info, err := c.identify()
	switch {
	case err != nil:
		return owners, false, f.e.explain(err)
	case info["mode"] == "cluster":
		if owners, err = c.owners(); err != nil {
			err = f.e.explain(err)
		}
		return owners, true, err
	case len(f.e.cfg.Addresses) > 1:
		return owners, false, unfit("several addresses are given, and the server at %s is not part of a Redis Cluster; give one address, or those of Sentinels with the name of their master", address)
	}
	return owners, false, nil
}

// reask waits until the owners may have changed, and asks for them.
func (f *fleet) reask(ctx context.Context, fail context.CancelCauseFunc) {
	var again <-chan time.Time
	if !f.complete() {
		again = time.After(askEvery)
	}
	select {
	case <-ctx.Done():
		return
	case <-f.stale:
	case <-again:
	}
	f.assign(ctx, fail, f.ask(ctx))
}

// ask returns the owner of each place, from the first server that answers. The
// servers are asked in random order.
func (f *fleet) ask(ctx context.Context) (owners [places]string) {
	conns, without := f.conns()
	defer func() {
		for _, c := range conns {
			c.users.Done()
		}
	}()
	for _, c := range conns {
		if owners, err := c.owners(); err == nil {
			return owners
		}
	}
	for _, address := range append(without, f.e.cfg.Addresses...) {
		if owners, sharded, err := f.look(ctx, address); err == nil && sharded {
			return owners
		}
	}
	return owners
}

// conns returns the existing connections, and the servers without one, in random
// order, so that different servers are asked.
func (f *fleet) conns() (conns []*conn, without []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sites {
		if s.conn == nil {
			without = append(without, s.address)
			continue
		}
		s.conn.users.Add(1)
		conns = append(conns, s.conn)
	}
	return conns, without
}

// assign records the owners of places. A place whose server is connected stays
// there until that server reports that it has moved: other servers may learn of it
// late. Servers without places are closed.
func (f *fleet) assign(ctx context.Context, fail context.CancelCauseFunc, owners [places]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for at, address := range f.moved {
		owners[at] = address
	}
	clear(f.moved)
	needed := map[*site]bool{}
	for at, address := range owners {
		if owner := f.owners[at]; (owner == nil || owner.conn == nil) && (address != "" || !f.e.sharded.Load()) {
			f.owners[at] = f.site(ctx, fail, address)
		}
		needed[f.owners[at]] = true
	}
	for address, s := range f.sites {
		if !needed[s] {
			delete(f.sites, address)
			s.end()
		}
	}
	f.wake()
}

// site returns the server at an address, and keeps a connection to it from here on.
func (f *fleet) site(ctx context.Context, fail context.CancelCauseFunc, address string) *site {
	s := f.sites[address]
	if s == nil {
		s = &site{address: address}
		ctx, s.end = context.WithCancel(ctx)
		f.sites[address] = s
		f.done.Go(func() { f.keep(ctx, fail, s) })
	}
	return s
}

func (f *fleet) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// refresh requests the owners soon.
func (f *fleet) refresh() {
	select {
	case f.stale <- struct{}{}:
	default:
	}
}

// move records that a place has moved to an address, as its previous server
// reports.
func (f *fleet) move(at place, address string) {
	f.mu.Lock()
	f.owners[at], f.moved[at] = nil, address
	f.mu.Unlock()
	f.refresh()
}

// of returns the places of a server.
func (f *fleet) of(s *site) (of []place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for at, owner := range f.owners {
		if owner == s {
			of = append(of, place(at))
		}
	}
	return of
}

func (f *fleet) all() bool {
	for _, owner := range f.owners {
		if owner == nil || owner.conn == nil {
			return false
		}
	}
	return true
}

func (f *fleet) complete() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all()
}

func (f *fleet) wasUsed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used
}

// borrow returns the connection to the server that has a place, nil if there is
// none now. The borrower calls users.Done when it has finished.
func (f *fleet) borrow(at place) (c *conn, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if owner := f.owners[at]; owner != nil && owner.conn != nil {
		c = owner.conn
		c.users.Add(1)
	}
	return c, f.changed
}

// wait returns the connection when there is one; nil when ctx is done.
func (f *fleet) wait(ctx context.Context, at place) *conn {
	for {
		c, changed := f.borrow(at)
		if c != nil {
			return c
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
