package webhooks

import (
	"bytes"
	"cmp"
	"container/list"
	"slices"
	"strconv"
	"sync"
	"time"

	"fanfare/internal/account"
)

// Recent says how many sent deliveries are kept for display. The zero value
// keeps none and costs nothing.
type Recent struct {
	// Deliveries is how many of the newest are kept for each endpoint.
	Deliveries int
	// Bytes limits the memory for deliveries of all endpoints together, without
	// bodies. The oldest are removed first. 0 means 8 MiB.
	Bytes int
	// FailedBytes limits the bodies of failed deliveries, for all endpoints
	// together. The oldest are removed first.
	FailedBytes int
}

// The states of a Delivery.
const (
	Retrying  = "retrying"
	Delivered = "delivered"
	Failed    = "failed"
)

// Delivery is one request with its attempts.
type Delivery struct {
	ID          string
	App         string
	Endpoint    int // position in the app's list, from 0
	State       string
	First, Last time.Time // time of the first and the last attempt
	Took        time.Duration
	Status      int    // of the last answer; 0 if there was none
	Error       string // of the last attempt
	Attempts    int
	Next        time.Time // next attempt; zero if there is none
	Events      []Told    // the first of them
	EventCount  int
	Replayable  bool
}

// Told names an event of a delivery and its channel, without the payload.
type Told struct{ Name, Channel string }

const (
	// mostTold is how many events a Delivery names.
	mostTold = 20
	// mostError limits the length of Error in bytes: a certificate may put many
	// names in one.
	mostError = 500
	// attemptedBytes is the approximate memory of a delivery without its
	// events, and toldBytes that of an event without the channel's name.
	attemptedBytes = 1024
	toldBytes      = 32
)

// recent is the deliveries that a Sender keeps. A nil one keeps none.
type recent struct {
	limits  Recent
	account *account.Account

	mu    sync.Mutex
	last  uint64    // id of the newest delivery
	size  int       // of all deliveries, without bodies
	all   list.List // of *attempted, the oldest in front
	bytes int
	held  list.List // of *attempted with a body, the oldest in front
}

// attempted is a kept delivery. Its fields are guarded by the lock of recent.
type attempted struct {
	Delivery
	endpoint *endpoint
	size     int           // without the body
	among    *list.Element // in all
	body     []byte        // of a failed delivery, without the time field
	place    *list.Element // in held
	busy     bool          // it is being replayed
}

func newRecent(limits Recent, of *account.Account) *recent {
	if limits.Deliveries <= 0 {
		return nil
	}
	limits.Bytes = cmp.Or(limits.Bytes, 8<<20)
	return &recent{limits: limits, account: of}
}

// begin adds a delivery. It returns nil if deliveries are not kept. All methods
// of attempted accept a nil receiver.
func (r *recent) begin(e *endpoint, b *batch, first time.Time) *attempted {
	if r == nil {
		return nil
	}
	a := &attempted{endpoint: e, size: attemptedBytes, Delivery: Delivery{
		App: e.app, State: Retrying, First: first, EventCount: b.len(), Events: make([]Told, 0, min(b.len(), mostTold)),
	}}
	for _, ev := range b.all[:min(b.len(), mostTold)] {
		a.Events = append(a.Events, Told{eventNames[ev.kind], ev.line.name})
		a.size += toldBytes + len(ev.line.name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	a.ID = strconv.FormatUint(r.last, 10)
	if len(e.recent) >= r.limits.Deliveries {
		r.forget(e.recent[0])
	}
	e.recent = append(e.recent, a)
	a.among = r.all.PushBack(a)
	r.size += a.size
	r.account.Resize(account.Webhooks, a.size)
	for r.size > r.limits.Bytes {
		r.forget(r.all.Front().Value.(*attempted))
	}
	return a
}

// forget removes a delivery, the oldest of its endpoint. The caller holds the
// lock.
func (r *recent) forget(a *attempted) {
	r.drop(a)
	r.all.Remove(a.among)
	r.size -= a.size
	r.account.Resize(account.Webhooks, -a.size)
	e := a.endpoint
	e.recent = slices.Delete(e.recent, 0, 1)
}

// leave removes all deliveries of an endpoint that has ended.
func (r *recent) leave(e *endpoint) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(e.recent) > 0 {
		r.forget(e.recent[0])
	}
}

// drop removes the body. The caller holds the lock.
func (r *recent) drop(a *attempted) {
	if a.place == nil {
		return
	}
	r.held.Remove(a.place)
	r.bytes -= len(a.body)
	r.account.Resize(account.Webhooks, -len(a.body))
	a.body, a.place = nil, nil
}

// note records how an attempt ended and the wait before the next; 0 means there
// is none.
func (a *attempted) note(status int, begun time.Time, err error, next time.Duration) {
	if a == nil {
		return
	}
	r := a.endpoint.past
	r.mu.Lock()
	defer r.mu.Unlock()
	a.enter(status, begun, err)
	a.Next = time.Time{}
	if next > 0 {
		a.Next = a.Last.Add(next)
	}
}

// enter records how an attempt ended. The caller holds the lock.
func (a *attempted) enter(status int, begun time.Time, err error) {
	a.Attempts++
	a.Last, a.Took, a.Status, a.Error = time.Now(), time.Since(begun), status, ""
	if err != nil {
		a.Error = err.Error()
		a.Error = a.Error[:min(len(a.Error), mostError)]
		return
	}
	a.State = Delivered
}

// split records that the events are sent again in two deliveries.
func (a *attempted) split() {
	if a == nil {
		return
	}
	r := a.endpoint.past
	r.mu.Lock()
	defer r.mu.Unlock()
	a.State, a.Next = Failed, time.Time{}
	a.Error += "; its events are sent in two parts"
}

// fail keeps the body of a delivery that failed for good.
func (a *attempted) fail(body []byte) {
	if a == nil {
		return
	}
	r := a.endpoint.past
	r.mu.Lock()
	defer r.mu.Unlock()
	a.State, a.Next = Failed, time.Time{}
	from := bytes.Index(body, []byte(`,"events":`))
	size := len(body) - from
	if from < 0 || size > r.limits.FailedBytes || r.account.Full() {
		return
	}
	if !slices.Contains(a.endpoint.recent, a) {
		return // newer deliveries have replaced it
	}
	for r.bytes+size > r.limits.FailedBytes {
		r.drop(r.held.Front().Value.(*attempted))
	}
	a.body = bytes.Clone(body[from:])
	a.place = r.held.PushBack(a)
	r.bytes += len(a.body)
	r.account.Resize(account.Webhooks, len(a.body))
}

// Recent lists the last deliveries of each endpoint in the order of Stats, the
// newest first, and the scheme and host of each endpoint, which contain no
// secrets.
func (s *Sender) Recent(most int) (deliveries [][]Delivery, places []string) {
	s.mu.Lock()
	listed := s.listed // replaced as a whole
	s.mu.Unlock()
	for _, e := range listed {
		deliveries, places = append(deliveries, e.lastOnes(most)), append(places, place(e.url))
	}
	return deliveries, places
}

func (e *endpoint) lastOnes(most int) (last []Delivery) {
	if e.past == nil {
		return nil
	}
	index := e.present.Load().index
	e.past.mu.Lock()
	defer e.past.mu.Unlock()
	for i := len(e.recent) - 1; i >= 0 && len(last) < most; i-- {
		last = append(last, e.recent[i].shown(index))
	}
	return last
}

// shown returns a copy. The caller holds the lock.
func (a *attempted) shown(index int) Delivery {
	d := a.Delivery
	d.Endpoint, d.Replayable = index, a.body != nil && !a.busy
	return d
}
