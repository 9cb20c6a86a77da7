package cluster

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
)

// ask sends a request to a partition. then is called with its answer, under the
// partition's lock; with nil if there is none.
func (p *Peer) ask(q *partition, r ledger.Request, then func(a *ledger.Answer)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.link.state == linkAway {
		then(nil)
		return
	}
	q.send(r, then)
}

// Channels implements channels.Cluster. It asks all partitions at once.
func (p *Peer) Channels(ctx context.Context, app *apps.App, prefix string) ([]channels.ChannelInfo, error) {
	var (
		mu   sync.Mutex
		all  []channels.ChannelInfo
		err  error
		left = Partitions
		done = make(chan struct{})
	)
	for i := range p.partitions {
		p.ask(&p.partitions[i], ledger.List{App: app.ID, Prefix: prefix}, func(a *ledger.Answer) {
			mu.Lock()
			defer mu.Unlock()
			if a == nil {
				err = channels.ErrAway
			} else {
				for _, t := range a.Channels {
					all = append(all, p.info(t))
				}
			}
			if left--; left == 0 {
				close(done)
			}
		})
	}
	select {
	case <-done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b channels.ChannelInfo) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func (p *Peer) info(t ledger.Totals) channels.ChannelInfo {
	return channels.ChannelInfo{
		Name: t.Name, Sockets: t.Sockets, Users: t.Users, Cached: newCached(t.Cached, 0, p.cfg.Now()).describe(p.cfg.Now()),
	}
}

// Channel implements channels.Cluster. A channel that the node watches is described
// from the replica, others by the ledger.
func (p *Peer) Channel(ctx context.Context, app *apps.App, name string) (channels.ChannelInfo, error) {
	var info channels.ChannelInfo
	watched := p.watched(app, name, func(s *subject) {
		info = channels.ChannelInfo{Name: name, Sockets: s.total, Cached: s.cached.describe(p.cfg.Now())}
		if s.shown != nil {
			info.Users = s.shown.Count()
		}
	})
	if watched {
		return info, nil
	}
	a, err := p.describe(ctx, app, name)
	if err != nil || len(a.Channels) == 0 {
		return channels.ChannelInfo{Name: name}, err
	}
	return p.info(a.Channels[0]), nil
}

// Members implements channels.Cluster, as Channel does.
func (p *Peer) Members(ctx context.Context, app *apps.App, name string) (users []string, err error) {
	watched := p.watched(app, name, func(s *subject) {
		if s.shown != nil && s.shown.Count() > 0 {
			users = s.shown.UserIDs()
		}
	})
	if watched {
		return users, nil
	}
	a, err := p.describe(ctx, app, name)
	return a.Members, err
}

// watched calls f with a channel of which the node has a replica, and reports
// whether it has one.
func (p *Peer) watched(app *apps.App, channel string, f func(s *subject)) bool {
	name := subjectOf(app.ID, channel)
	q := p.partitionOf(name)
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.subjects[name]
	if s == nil || !s.known {
		return false
	}
	f(s)
	return true
}

func (p *Peer) describe(ctx context.Context, app *apps.App, channel string) (ledger.Answer, error) {
	name := subjectOf(app.ID, channel)
	answer := make(chan *ledger.Answer, 1)
	p.ask(p.partitionOf(name), ledger.Describe{Subject: name}, func(a *ledger.Answer) { answer <- a })
	select {
	case a := <-answer:
		if a == nil {
			return ledger.Answer{}, channels.ErrAway
		}
		return *a, nil
	case <-ctx.Done():
		return ledger.Answer{}, ctx.Err()
	}
}
