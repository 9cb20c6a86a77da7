package sockets

import (
	"sync"
	"sync/atomic"

	"fanfare/channels"
)

const (
	// highWater is the maximum weight of mail that a lane may hold before its app
	// is under pressure; below lowWater the pressure ends.
	highWater = 64 << 10
	lowWater  = 16 << 10
	// mostMail limits the weight of a loop's mail. The mark of a lane is at most
	// what all lanes leave free of the first half, so that any number of busy apps
	// leave room for one more. The second half is for lanes that hold at most
	// leastMail. Above mostMail, each app can post one more piece of mail.
	mostMail  = 4 * highWater
	leastMail = 1 << 10
	// spareMail limits the total capacity of emptied batches that are kept for reuse.
	spareMail = 8 << 10
)

// lane is the mail of one app for a loop, and the app's connections that the
// loop has to write or to resume. Each loop has a lane of its own, for what
// belongs to no app.
type lane struct {
	loop     *loop
	pressure *channels.Pressure

	// What follows is guarded by the mailbox's lock.
	mail   []channels.Mail
	weight int64 // of mail that is posted and not handled yet
	high   bool  // the lane has raised the pressure of its app
	busy   bool  // the lane has mail that is not handled yet
	at     int   // index in mailbox.busy

	// What follows belongs to the loop's goroutine.
	batch  []channels.Mail // to be handled, from next on
	next   int
	debt   int         // weight handled beyond the lane's shares
	piled  int         // about how many deliveries were made for the dirty connections
	dirty  fifo[*conn] // connections to be written
	paused fifo[*conn] // connections to be read when the app has caught up
	waits  bool        // on the loop's list of lanes with paused connections
}

// Lane implements channels.Owner.
func (l *loop) Lane(app *channels.Pressure) channels.Lane { return &lane{loop: l, pressure: app} }

// Post implements channels.Lane.
func (n *lane) Post(m channels.Mail) {
	if n.loop.mail.put(n, m) {
		n.loop.waiter.wake()
	}
}

// mailbox is the mail of all lanes of a loop. Any goroutine adds mail, and the loop
// collects it.
type mailbox struct {
	mu     sync.Mutex
	busy   []*lane           // all lanes with mail that is not handled yet
	ready  []*lane           // lanes with mail that the loop has to collect
	spare  [][]channels.Mail // emptied batches
	room   int               // total capacity of spare
	weight atomic.Int64      // of all lanes; changed under the lock
	asleep atomic.Bool       // the loop waits and must be woken
}

// put adds mail and reports whether the loop must be woken.
func (b *mailbox) put(n *lane, m channels.Mail) (wake bool) {
	weight := int64(m.Weigh())
	b.mu.Lock()
	b.add(n, m, weight)
	b.mu.Unlock()
	return b.asleep.Load() && b.asleep.CompareAndSwap(true, false)
}

// add puts mail into a lane. The caller holds the lock.
func (b *mailbox) add(n *lane, m channels.Mail, weight int64) {
	if last := len(b.spare) - 1; n.mail == nil && last >= 0 {
		n.mail = b.spare[last]
		b.spare[last] = nil
		b.spare = b.spare[:last]
		b.room -= cap(n.mail)
	}
	n.mail = append(n.mail, m)
	n.weight += weight
	b.weight.Add(weight)
	if !n.busy {
		n.busy, n.at = true, len(b.busy)
		b.busy = append(b.busy, n)
		b.ready = append(b.ready, n)
	}
	if !n.high && n.weight > b.mark() {
		n.high = true
		n.pressure.Rise()
	}
}

// mark is the weight above which a lane raises the pressure of its app.
func (b *mailbox) mark() int64 {
	all := b.weight.Load()
	return max(min(highWater, mostMail/2-all), min(leastMail, mostMail-all))
}

// collect makes all mail that was posted the batches of its lanes, and adds these to
// busy. The loop's own lane goes first.
func (b *mailbox) collect(busy *fifo[*lane]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, n := range b.ready {
		n.batch, n.next, n.mail = n.mail, 0, nil
		if n == n.loop.own {
			busy.unshift(n)
		} else {
			busy.push(n)
		}
		b.ready[i] = nil
	}
	b.ready = b.ready[:0]
}

// congested reports whether the loop has much more mail than it should.
func (b *mailbox) congested() bool { return b.weight.Load() > highWater }

func (b *mailbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ready) == 0
}

// done takes the weight of handled mail off. When the whole batch is handled, it is
// kept for reuse, and the lane is ready again if mail was posted meanwhile.
func (b *mailbox) done(n *lane, weight int64) {
	all := n.next == len(n.batch)
	if all {
		clear(n.batch)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n.weight -= weight
	b.weight.Add(-weight)
	if n.high && (n.weight == 0 || n.weight < min(lowWater, b.mark()/4)) {
		n.high = false
		n.pressure.Fall()
	}
	if !all {
		return
	}
	if c := cap(n.batch); b.room+c <= spareMail {
		b.spare = append(b.spare, n.batch[:0])
		b.room += c
	}
	n.batch, n.next = nil, 0
	if len(n.mail) > 0 {
		b.ready = append(b.ready, n)
		return
	}
	n.busy = false
	end := len(b.busy) - 1
	b.busy[n.at] = b.busy[end]
	b.busy[n.at].at = n.at
	b.busy[end] = nil
	b.busy = b.busy[:end]
}

// postLast has the loop call f when all mail that was posted before is handled.
func (l *loop) postLast(f func()) {
	b, left := &l.mail, 0
	last := channels.Call(func() {
		if left--; left == 0 {
			f()
		}
	})
	weight := int64(last.Weigh())
	b.mu.Lock()
	for _, n := range b.busy {
		left++
		b.add(n, last, weight)
	}
	if left == 0 {
		left++
		b.add(l.own, last, weight)
	}
	b.mu.Unlock()
	if b.asleep.Load() && b.asleep.CompareAndSwap(true, false) {
		l.waiter.wake()
	}
}

// Post has the loop run mail that belongs to no app.
func (l *loop) Post(m channels.Mail) { l.own.Post(m) }
