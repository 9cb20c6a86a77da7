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

// Recent says how much is kept of what was sent, for people to look at. The zero
// value keeps nothing and costs nothing.
type Recent struct {
	// Deliveries is how many each endpoint has, the newest.
	Deliveries int
	// Bytes bounds what those of all endpoints take together, without bodies. The
	// oldest go first. 0 is 8 MiB.
	Bytes int
	// FailedBytes bounds the bodies of failed deliveries, all endpoints together.
	// The oldest go first.
	FailedBytes int
}

// The states of a Delivery.
const (
	Retrying  = "retrying"
	Delivered = "delivered"
	Failed    = "failed"
)

// Delivery is one request and its attempts.
type Delivery struct {
	ID          string
	App         string
	Endpoint    int // place in the app's list, from 0
	State       string
	First, Last time.Time // attempts
	Took        time.Duration
	Status      int    // of the last answer; 0 if there was none
	Error       string // of the last attempt
	Attempts    int
	Next        time.Time // zero if there is no further one
	Events      []Told    // the first of them
	EventCount  int
	Replayable  bool
}

// Told names an event of a delivery and its channel, without the payload.
type Told struct{ Name, Channel string }

const (
	// mostTold is how many events a Delivery names.
	mostTold = 20
	// mostError is how much of an error it has: a certificate may put many names in one.
	mostError = 500
	// attemptedBytes is what a delivery takes without its events, about, and
	// toldBytes an event of it without the channel's name.
	attemptedBytes = 1024
	toldBytes      = 32
)

// recent is what is kept for a Sender. A nil one keeps nothing.
type recent struct {
	limits  Recent
	account *account.Account

	mu    sync.Mutex
	last  uint64    // number of the newest delivery
	size  int       // of all deliveries, without bodies
	all   list.List // of *attempted, the oldest in front
	bytes int
	held  list.List // of *attempted with a body, the oldest in front
}

// attempted is a delivery as it is kept. Its fields are under the lock of recent.
type attempted struct {
	Delivery
	endpoint *endpoint
	size     int           // without the body
	among    *list.Element // in all
	body     []byte        // of a failed one, without its time
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

// begin enters a delivery. It returns nil if nothing is kept, and every method of
// what it returns may be called on that.
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

// forget lets go of a delivery, the oldest of its endpoint. The caller holds the
// lock.
func (r *recent) forget(a *attempted) {
	r.drop(a)
	r.all.Remove(a.among)
	r.size -= a.size
	r.account.Resize(account.Webhooks, -a.size)
	e := a.endpoint
	e.recent = slices.Delete(e.recent, 0, 1)
}

// leave lets go of all deliveries of an endpoint that has ended.
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

// drop lets go of the body. The caller holds the lock.
func (r *recent) drop(a *attempted) {
	if a.place == nil {
		return
	}
	r.held.Remove(a.place)
	r.bytes -= len(a.body)
	r.account.Resize(account.Webhooks, -len(a.body))
	a.body, a.place = nil, nil
}

// note enters how an attempt ended and when there is another; 0 is never.
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

// enter is note without what comes next. The caller holds the lock.
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

// split says that the events are sent anew in two deliveries.
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

// fail keeps the body of a delivery that no attempt could make.
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
		return // so many came after it that it is not shown any more
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
// newest first, and where each endpoint is, without what may be secret.
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

// shown is a copy. The caller holds the lock.
func (a *attempted) shown(index int) Delivery {
	d := a.Delivery
	d.Endpoint, d.Replayable = index, a.body != nil && !a.busy
	return d
}
