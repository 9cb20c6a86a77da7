package sockets

import (
	"sync"
	"sync/atomic"

	"fanfare/channels"
)

const (
	// highWater is how much weight of mail a lane may hold before its app is
	// under pressure; below lowWater the pressure ends.
	highWater = 64 << 10
	lowWater  = 16 << 10
	// mostMail bounds the weight of a loop's mail. The mark of each lane is no
	// higher than what all lanes leave free of the first half, so that any number
	// of busy apps leave room for one more; the second half is for lanes that
	// hold leastMail or less. Beyond mostMail, each app posts one more piece.
	mostMail  = 4 * highWater
	leastMail = 1 << 10
	// spareMail bounds the capacity of emptied mail that is kept for reuse.
	spareMail = 8 << 10
)

// lane is the mail of one app for a loop, and the app's connections that the
// loop has to write or to read again. A loop has one of its own, for what
// belongs to no app.
type lane struct {
	loop     *loop
	pressure *channels.Pressure

	// What follows is under the mailbox's lock.
	mail   []channels.Mail
	weight int64 // posted and not yet handled
	high   bool  // has raised the pressure
	busy   bool  // has mail, or the loop has some of it in hand
	at     int   // in the list of the busy

	// What follows belongs to the loop's goroutine.
	batch  []channels.Mail // to be handled, from next on
	next   int
	debt   int         // weight handled beyond its shares
	piled  int         // deliveries made for the dirty connections, about
	dirty  fifo[*conn] // to be written
	paused fifo[*conn] // to be read when the app has caught up
	waits  bool        // on the loop's list of those that hold such
}

// Lane implements channels.Owner.
func (l *loop) Lane(app *channels.Pressure) channels.Lane { return &lane{loop: l, pressure: app} }

// Post implements channels.Lane.
func (n *lane) Post(m channels.Mail) {
	if n.loop.mail.put(n, m) {
		n.loop.waiter.wake()
	}
}

// mailbox is where a loop's lanes meet. Anyone puts, the loop takes.
type mailbox struct {
	mu     sync.Mutex
	busy   []*lane // all that hold mail
	ready  []*lane // those with mail that the loop has not collected
	spare  [][]channels.Mail
	room   int          // capacity of spare
	weight atomic.Int64 // of all lanes; changed under the lock
	asleep atomic.Bool  // the loop waits and must be woken
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

// mark is the weight from which on a lane holds too much.
func (b *mailbox) mark() int64 {
	all := b.weight.Load()
	return max(min(highWater, mostMail/2-all), min(leastMail, mostMail-all))
}

// collect hands the loop all mail there is. The loop's own goes first.
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

// done counts mail that was handled, and takes the batch back when nothing of
// it is left.
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

// postLast has the loop call f when all mail that was posted so far is handled.
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
