package adminapi

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// step is the time between two samples, and steps how many are kept: an hour.
	step  = 10 * time.Second
	steps = 360
	// busiest is the maximum number of apps in a sample or an answer.
	busiest = 50
	// lagPatience is how long a sample waits for the event loops.
	lagPatience = 5 * time.Second
)

// history holds the samples of the last hour in a ring.
type history struct {
	mu      sync.Mutex
	samples [steps]*sample // count are set; the next goes to position next
	next    int
	count   int
	before  Counts // at the time of the last sample
	apps    map[string]Count
	begun   bool
}

// sample is one step. Totals are stored as the difference to the previous
// sample.
type sample struct {
	at   time.Time
	lag  time.Duration
	node Count
	more int64 // client events
	took latencyAnswer
	apps []AppCounts
}

// run takes samples until ctx is done.
func (h *history) run(ctx context.Context, node Node, now func() time.Time) {
	h.take(node.Counts(), 0, now())
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			patience, cancel := context.WithTimeout(ctx, lagPatience)
			lag := node.LoopLag(patience)
			cancel()
			h.take(node.Counts(), lag, now())
		}
	}
}

// take adds a sample. The first call only sets the counts that the next is
// compared with.
func (h *history) take(c Counts, lag time.Duration, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	apps := make(map[string]Count, len(c.Apps))
	list := make([]AppCounts, 0, len(c.Apps))
	for _, a := range c.Apps {
		apps[a.ID] = a.Count
		a.Count = a.since(h.apps[a.ID])
		if a.Connections > 0 || a.APIEvents > 0 || a.Deliveries > 0 || a.MessagesIn > 0 {
			list = append(list, a)
		}
	}
	if h.begun {
		if len(list) > busiest {
			slices.SortFunc(list, func(a, b AppCounts) int {
				return cmp.Or(cmp.Compare(b.Deliveries+b.MessagesIn, a.Deliveries+a.MessagesIn), cmp.Compare(b.Connections, a.Connections), cmp.Compare(a.ID, b.ID))
			})
			list = list[:busiest]
		}
		h.samples[h.next] = &sample{at, lag, c.since(h.before.Count), max(0, c.ClientEvents-h.before.ClientEvents), c.Publishes.since(h.before.Publishes).latency(), slices.Clone(list)}
		h.next = (h.next + 1) % steps
		h.count = min(h.count+1, steps)
	}
	h.before, h.apps, h.begun = c, apps, true
	h.before.Apps = nil
}

// since returns c with totals replaced by their growth since before.
func (c Count) since(before Count) Count {
	c.MessagesIn = max(0, c.MessagesIn-before.MessagesIn)
	c.Deliveries = max(0, c.Deliveries-before.Deliveries)
	c.APIEvents = max(0, c.APIEvents-before.APIEvents)
	return c
}

// all returns the samples, the oldest first.
func (h *history) all() []*sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*sample, 0, h.count)
	for i := range h.count {
		list = append(list, h.samples[(h.next-h.count+i+steps)%steps])
	}
	return list
}

// columns hold one number for each sample.
type columns struct {
	Connections []int64 `json:"connections"`
	MessagesIn  []int64 `json:"messages_in"`
	Deliveries  []int64 `json:"deliveries"`
	APIEvents   []int64 `json:"api_events"`
	MemoryBytes []int64 `json:"memory_bytes"`
}

func newColumns(n int) columns {
	return columns{make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)}
}

func (c *columns) set(i int, n Count) {
	c.Connections[i], c.MessagesIn[i], c.Deliveries[i], c.APIEvents[i], c.MemoryBytes[i] = n.Connections, n.MessagesIn, n.Deliveries, n.APIEvents, n.MemoryBytes
}

type appColumns struct {
	App string `json:"app"`
	columns
}

type historyAnswer struct {
	Node  string       `json:"node"`
	StepS int          `json:"step_s"`
	Times []int64      `json:"times"`
	Lag   []float64    `json:"loop_lag_ms"`
	P50   []float64    `json:"api_p50_ms"`
	P99   []float64    `json:"api_p99_ms"`
	Total columns      `json:"total"`
	Apps  []appColumns `json:"apps"`
}

// showHistory is GET metrics/history.
func (s *Server) showHistory(r *request) (any, error) {
	only := r.URL.Query().Get("app")
	all := s.history.all()
	a := historyAnswer{
		Node: s.cfg.Node.About().Node, StepS: int(step / time.Second), Times: make([]int64, len(all)), Lag: make([]float64, len(all)), P50: make([]float64, len(all)), P99: make([]float64, len(all)),
		Total: newColumns(len(all)), Apps: []appColumns{},
	}
	chosen := busiestOf(all, only)
	at := make(map[string]int, len(chosen))
	for _, id := range chosen {
		at[id] = len(a.Apps)
		a.Apps = append(a.Apps, appColumns{id, newColumns(len(all))})
	}
	for i, one := range all {
		a.Times[i], a.Lag[i] = one.at.Unix(), milliseconds(one.lag)
		a.P50[i], a.P99[i] = one.took.P50, one.took.P99
		a.Total.set(i, one.node)
		for _, app := range one.apps {
			if j, ok := at[app.ID]; ok {
				a.Apps[j].set(i, app.Count)
			}
		}
	}
	return a, nil
}

// busiestOf returns the apps with the most activity in all samples, or only the
// requested one.
func busiestOf(all []*sample, only string) []string {
	work := map[string]int64{}
	for _, one := range all {
		for _, app := range one.apps {
			if only == "" || app.ID == only {
				work[app.ID] += app.Deliveries + app.MessagesIn + app.Connections
			}
		}
	}
	ids := make([]string, 0, len(work))
	for id := range work {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(work[b], work[a]), cmp.Compare(a, b)) })
	return ids[:min(len(ids), busiest)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

type rateAnswer struct {
	MessagesIn   float64 `json:"messages_in"`
	Deliveries   float64 `json:"deliveries"`
	APIEvents    float64 `json:"api_events"`
	ClientEvents float64 `json:"client_events"`
}

// rate returns the last sample's rates per second, the lag of its event loops,
// and how long its publishes took.
func (h *history) rate() (rateAnswer, time.Duration, latencyAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count == 0 {
		return rateAnswer{}, 0, latencyAnswer{}
	}
	last := h.samples[(h.next-1+steps)%steps]
	per := func(n int64) float64 { return float64(n) / step.Seconds() }
	return rateAnswer{per(last.node.MessagesIn), per(last.node.Deliveries), per(last.node.APIEvents), per(last.more)}, last.lag, last.took
}
