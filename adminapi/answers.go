package adminapi

import (
	"fmt"
	"slices"
	"time"
)

type overviewAnswer struct {
	Version          string        `json:"version"`
	Node             string        `json:"node"`
	Started          time.Time     `json:"started"`
	UptimeS          int64         `json:"uptime_s"`
	Clustered        bool          `json:"clustered"`
	Ready            bool          `json:"ready"`
	Draining         bool          `json:"draining"`
	Apps             int           `json:"apps"`
	Connections      int64         `json:"connections"`
	Channels         int64         `json:"channels"`
	Members          int64         `json:"members"`
	MessagesIn       int64         `json:"messages_in"`
	Deliveries       int64         `json:"deliveries"`
	APIEvents        int64         `json:"api_events"`
	ClientEvents     int64         `json:"client_events"`
	Rates            rateAnswer    `json:"rates"`
	MemoryBytes      int64         `json:"memory_bytes"`
	MemoryLimitBytes int64         `json:"memory_limit_bytes"`
	HeldBytes        int64         `json:"held_bytes"`
	APILatencyMS     latencyAnswer `json:"api_latency_ms"`
	LoopLagMS        float64       `json:"loop_lag_ms"`
	LoopSockets      []int         `json:"loop_sockets"`
	Cluster          *totals       `json:"cluster"`
}

// totals are the sums over all live nodes.
type totals struct {
	Nodes       int   `json:"nodes"`
	Connections int64 `json:"connections"`
	Members     int64 `json:"members"`
}

// overview is GET overview.
func (s *Server) overview(*request) (any, error) {
	about, counts := s.cfg.Node.About(), s.cfg.Node.Counts()
	rates, lag, took := s.history.rate()
	a := overviewAnswer{
		Version: about.Version, Node: about.Node, Started: about.Started.UTC(), UptimeS: int64(max(0, s.cfg.Now().Sub(about.Started)) / time.Second),
		Clustered: about.Clustered, Ready: about.Ready, Draining: about.Draining, Apps: s.cfg.Apps.Count(),
		Connections: counts.Connections, Channels: counts.Channels, Members: counts.Members, MessagesIn: counts.MessagesIn, Deliveries: counts.Deliveries,
		APIEvents: counts.APIEvents, ClientEvents: counts.ClientEvents, Rates: rates,
		MemoryBytes: counts.MemoryBytes, MemoryLimitBytes: about.MemoryLimitBytes, HeldBytes: counts.HeldBytes,
		APILatencyMS: took, LoopLagMS: milliseconds(lag), LoopSockets: append([]int{}, about.LoopSockets...),
	}
	if about.Clustered {
		a.Cluster = &totals{}
		list, _ := s.cfg.Node.Nodes()
		for _, n := range list {
			if n.State == "alive" || n.State == "draining" {
				a.Cluster.Nodes++
				a.Cluster.Connections += n.Connections
				a.Cluster.Members += n.Members
			}
		}
	}
	return a, nil
}

// nodes is GET nodes.
func (s *Server) nodes(*request) (any, error) {
	list, wrong := s.cfg.Node.Nodes()
	return map[string]any{"nodes": append([]NodeInfo{}, list...), "wrong": append([]string{}, wrong...)}, nil
}

// configuration is GET config.
func (s *Server) configuration(*request) (any, error) {
	c, err := s.cfg.Node.Configuration()
	if err != nil {
		return nil, fmt.Errorf("show the configuration: %w", err)
	}
	return map[string]any{"node": s.cfg.Node.About().Node, "configuration": c}, nil
}

// openAPI is GET openapi.json.
func (s *Server) openAPI(r *request) (any, error) {
	r.done = true
	r.w.Header().Set("Content-Type", "application/json")
	_, _ = r.w.Write(document) // the caller may be gone
	return nil, nil
}

// masked replaces a secret.
const masked = "********"

type appAnswer struct {
	ID          string         `json:"id"`
	Enabled     bool           `json:"enabled"`
	Keys        []Key          `json:"keys"`
	Connections int            `json:"connections"`
	Channels    int64          `json:"channels"`
	HeldBytes   int64          `json:"held_bytes"`
	Options     map[string]any `json:"options"`
}

// apps is GET apps.
func (s *Server) apps(r *request) (any, error) {
	p, err := r.page()
	if err != nil {
		return nil, err
	}
	secrets, err := r.switched("secrets", Admin)
	if err != nil {
		return nil, err
	}
	leave, err := s.listing(r.Context())
	if err != nil {
		return nil, err
	}
	defer leave()
	counts := map[string]AppCounts{}
	for _, c := range s.cfg.Node.Counts().Apps {
		counts[c.ID] = c
	}
	all := s.cfg.Apps.All()
	if only := r.URL.Query().Get("app"); only != "" {
		all = slices.DeleteFunc(all, func(a App) bool { return a.ID != only })
	}
	list, next := pageOf(all, p, func(a *App) string { return a.ID })
	ids := make([]string, 0, len(list))
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	options := s.cfg.Apps.Options(ids)
	answers := make([]appAnswer, 0, len(list))
	for _, app := range list {
		a := appAnswer{
			ID: app.ID, Enabled: app.Enabled, Keys: append([]Key{}, app.Keys...), Connections: app.Connections,
			Channels: counts[app.ID].Channels, HeldBytes: counts[app.ID].MemoryBytes, Options: map[string]any{},
		}
		if its := options[app.ID]; its != nil {
			a.Options = its
		}
		for i := range a.Keys {
			if !secrets {
				a.Keys[i].Secret = masked
			}
		}
		answers = append(answers, a)
	}
	if secrets {
		s.audit(r.Request, r.who, nil) // reading secrets is logged
	}
	store := "file"
	if s.cfg.Editor != nil {
		store = "database"
	}
	return map[string]any{"apps": answers, "store": store, "editable": s.cfg.Editor != nil && r.who.Role >= Admin, "next": next}, nil
}

// app returns the id of the app in the path.
func (s *Server) app(r *request) (string, error) {
	id := r.PathValue("app")
	if !s.cfg.Apps.Has(id) {
		return "", notFound("there is no app with this id")
	}
	return id, nil
}

// channels is GET apps/ID/channels.
func (s *Server) channels(r *request) (any, error) {
	app, p, err := s.listOf(r)
	if err != nil {
		return nil, err
	}
	leave, err := s.listing(r.Context())
	if err != nil {
		return nil, err
	}
	defer leave()
	list, err := s.cfg.Channels.List(r.Context(), app, r.URL.Query().Get("prefix"), p.after, p.most+1)
	if err != nil {
		return nil, err
	}
	list, next := cut(list, p.most, func(c *Channel) string { return c.Name })
	return map[string]any{"channels": list, "next": next}, nil
}

func (s *Server) listOf(r *request) (string, page, error) {
	app, err := s.app(r)
	if err != nil {
		return "", page{}, err
	}
	p, err := r.page()
	return app, p, err
}

// mostNames is the largest number of members or channels in an answer.
const mostNames = 1000

// channel is GET apps/ID/channels/NAME.
func (s *Server) channel(r *request) (any, error) {
	app, err := s.app(r)
	if err != nil {
		return nil, err
	}
	c, err := s.cfg.Channels.Describe(r.Context(), app, r.PathValue("channel"))
	if err != nil {
		return nil, err
	}
	if c.Cached != nil && r.who.Role < Operate { // the event came from a client or a back end
		c.Cached.Data = masked
	}
	c.MoreMembers = len(c.Members) > mostNames
	c.Members = append([]string{}, c.Members[:min(len(c.Members), mostNames)]...)
	return c, nil
}
