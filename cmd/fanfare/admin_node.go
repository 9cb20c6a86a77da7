package main

import (
	"context"
	"io"
	"runtime/metrics"
	"time"

	"fanfare/adminapi"
	"fanfare/config"
	"fanfare/httpapi"
	"fanfare/internal/logs"
)

// adminView gives the admin API the state of this process.
type adminView struct{ s *server }

// inForce returns the current configuration.
func (s *server) inForce() *config.Config {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	return s.cfg
}

// About implements adminapi.Node.
func (v adminView) About() adminapi.About {
	return adminapi.About{
		Version: version, Node: v.s.started.NodeName(), Started: v.s.began, Clustered: v.s.cluster != nil,
		Ready: v.s.isReady(), Draining: v.s.draining.Load(), MemoryLimitBytes: v.s.account.Most(), LoopSockets: v.s.sockets.LoopSockets(),
	}
}

// Nodes implements adminapi.Node.
func (v adminView) Nodes() ([]adminapi.NodeInfo, []string) {
	if v.s.cluster == nil {
		counts := v.Counts()
		state := stateAlive
		if v.s.draining.Load() {
			state = stateDraining
		}
		return []adminapi.NodeInfo{{
			Name: v.s.started.NodeName(), Version: version, State: state, AgeS: int64(time.Since(v.s.began) / time.Second),
			Connections: counts.Connections, Channels: counts.Channels, Members: counts.Members, Itself: true,
		}}, nil
	}
	status := v.s.cluster.status()
	list := make([]adminapi.NodeInfo, 0, len(status.Nodes))
	for i := range status.Nodes {
		n := &status.Nodes[i]
		list = append(list, adminapi.NodeInfo{
			ID: n.ID, Name: n.Name, Version: n.Version, State: n.State, AgeS: n.Age, Connections: n.Sockets, Channels: n.Channels,
			Members: n.Members, Itself: n.Itself, LastHeardMS: n.Quiet,
		})
	}
	return list, status.Wrong
}

// Counts implements adminapi.Node.
func (v adminView) Counts() adminapi.Counts {
	stats := v.s.hub.Stats()
	c := adminapi.Counts{
		Count: adminapi.Count{
			MessagesIn: int64(stats.MessagesReceived), Deliveries: int64(stats.FramesSent), APIEvents: int64(stats.Published), MemoryBytes: goMemory(),
		},
		ClientEvents: int64(stats.ClientEvents), HeldBytes: v.s.account.Bytes(), Publishes: v.publishes(),
	}
	for i := range stats.Apps {
		a := &stats.Apps[i]
		c.Connections += a.Sockets
		c.Channels += a.Channels
		c.Members += max(0, a.Members)
		c.Apps = append(c.Apps, adminapi.AppCounts{ID: a.ID, Channels: a.Channels, Count: adminapi.Count{
			Connections: a.Sockets, MessagesIn: int64(a.MessagesReceived), Deliveries: int64(a.FramesSent), APIEvents: int64(a.Published),
			MemoryBytes: max(0, a.HeldBytes),
		}})
	}
	return c
}

// publishes sums the latencies of the HTTP API's routes that publish events.
func (v adminView) publishes() adminapi.Answered {
	sum := adminapi.Answered{Within: map[time.Duration]uint64{}}
	for _, l := range v.s.api.Requests().Latencies {
		if !httpapi.Publishes(l.Route) {
			continue
		}
		sum.Count += l.Count
		for bound, n := range l.Buckets {
			sum.Within[bound] += n
		}
	}
	return sum
}

// LoopLag implements adminapi.Node.
func (v adminView) LoopLag(ctx context.Context) time.Duration {
	began := time.Now()
	_ = v.s.sockets.Alive(ctx) // for a loop that is stuck, the lag is the time until ctx is done
	return time.Since(began)
}

// Configuration implements adminapi.Node.
func (v adminView) Configuration() (map[string]any, error) { return v.s.inForce().Masked() }

// adminApps gives the admin API the apps.
type adminApps struct {
	s         *server
	documents *config.Documents
}

// All implements adminapi.Apps.
func (a adminApps) All() []adminapi.App {
	all := a.s.registry.All()
	list := make([]adminapi.App, 0, len(all))
	for _, app := range all {
		keys := make([]adminapi.Key, 0, len(app.Keys))
		for _, k := range app.Keys {
			keys = append(keys, adminapi.Key(k))
		}
		list = append(list, adminapi.App{ID: app.ID, Enabled: app.Enabled, Keys: keys, Connections: a.s.hub.Sockets(app)})
	}
	return list
}

// Count implements adminapi.Apps.
func (a adminApps) Count() int { return len(a.s.registry.All()) }

// Options implements adminapi.Apps.
func (a adminApps) Options(ids []string) map[string]map[string]any {
	options := make(map[string]map[string]any, len(ids))
	for _, id := range ids {
		options[id] = nil
	}
	all := a.s.inForce().Apps // a reload replaces this slice and does not change it
	for i := range all {
		if _, wanted := options[all[i].ID]; !wanted {
			continue
		}
		values := a.documents.WriteAll(&all[i], false)
		for _, shown := range []string{"id", "enabled", "key", "secret", "keys"} {
			delete(values, shown)
		}
		options[all[i].ID] = values
	}
	return options
}

// Has implements adminapi.Apps.
func (a adminApps) Has(id string) bool {
	_, ok := a.s.registry.ByID(id)
	return ok
}

// adminLog gives the admin API the log.
type adminLog struct{ s *server }

// Follow implements adminapi.Log.
func (l adminLog) Follow(ctx context.Context, w io.Writer, only map[string][]string) error {
	if l.s.logs == nil {
		return errNoLog
	}
	f, err := l.s.logs.Follower(logs.Following{Level: "trace", Format: "json", Only: only})
	if err != nil {
		return err
	}
	return f.Run(ctx, w, "")
}

// goMemory returns the bytes that the Go runtime has from the system, without those
// that it has returned.
func goMemory() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
