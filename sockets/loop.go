package sockets

import (
	"context"
	"time"

	"fanfare/apps"
	"fanfare/channels"
)

// Bounds of one turn, so that a storm on one channel cannot keep the others
// waiting. The lanes share them: each lane has its least in every turn, unless
// there are very many.
const (
	turnWeight  = 8 << 10 // deliveries made for the mail
	leastWeight = 1 << 10
	turnWrites  = 64 // connections written; a long write counts for several
	leastWrites = 4
	writeUnit   = 4 << 10 // bytes
	turnResumes = 64      // paused connections read again
	turnLeaves  = 1024    // places given back by sockets that end
	readBuffer  = 64 << 10
	scratchSize = 64 << 10
)

// loop is an event loop: the goroutine that owns connections.
type loop struct {
	server *Server
	index  int // in server.loops
	waiter waiter
	front  *accepting // nil without a Front
	mail   mailbox    // any goroutine
	own    *lane      // of what belongs to no app; any goroutine
	// counters are written by the loop, read by anyone.
	counters channels.Counters
	share    share // any goroutine

	// What follows belongs to the loop's goroutine.
	slots    []slot
	free     []int32
	busy     fifo[*lane] // that hold collected mail
	ahead    []*lane     // of these, within a turn
	dirty    fifo[*lane] // that hold connections to be written
	paused   fifo[*lane] // that hold connections to be read again
	broad    bool        // some of the dirty are of an event for many
	ended    []*conn
	wheel    wheel
	oldest   int32 // of the spare connections: a slot, from 1
	newest   int32
	behind   uint32 // second since which deadlines wait for reading, 0 if they do not
	started  time.Time
	clock    time.Duration // since the start
	now      uint32        // seconds since the start, from 1
	frames   framePool
	buf      []byte
	scratch  []byte
	serial   int32     // of the newest connection, for its handle
	parsed   uint64    // frames of clients so far; a request counts for several
	wrote    uint64    // writes up to this second
	accepted int       // connections in this second
	passing  [][]*conn // accepted for other loops, by their index
	shedding uint32    // second before which no slow reader is cut off for memory
	stopped  bool
	holding  bool // new connections wait for the end of the process
	// registry is what the last Renew brought, nil before. A connection may
	// arrive with an app that was looked up before it.
	registry *apps.Registry
}

type slot struct {
	conn       *conn
	generation int32
}

// waiter is how a loop waits for the outside world.
type waiter interface {
	// wait handles what connections can read or write. It blocks until there
	// is something, wake was called or timeout has passed. It tells whether it
	// did anything, and whether there may be more.
	wait(timeout time.Duration) (worked, more bool)
	// yield lets other goroutines run. In the middle of an event for many it
	// lets other processes too: readers on the same machine then read while
	// there is still more to write. After small writes it would only break up
	// batches.
	yield(broad bool)
	// wake ends a wait, present or next. Any goroutine.
	wake()
	close()
}

func newLoop(s *Server) (*loop, error) {
	l := &loop{server: s, index: len(s.loops), started: time.Now(), now: 1, buf: make([]byte, readBuffer), scratch: make([]byte, scratchSize)}
	l.wheel.last = 1
	l.own = l.Lane(&channels.Pressure{}).(*lane)
	var err error
	l.waiter, err = newWaiter(l)
	return l, err
}

// Counters implements channels.Owner.
func (l *loop) Counters() *channels.Counters { return &l.counters }

// run turns until ctx is done, then ends every connection.
func (l *loop) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { l.Post(channels.Call(func() { l.stopped = true })) })
	defer stop()
	timeout := time.Duration(0)
	for !l.stopped {
		if l.turn(timeout) {
			timeout = 0
			l.waiter.yield(l.broad)
			continue
		}
		timeout = l.idle()
	}
	l.stopAccepting()
	for i := range l.slots {
		if c := l.slots[i].conn; c != nil {
			c.lose(byServer, "the server stopped")
		}
	}
	l.settle()
}

// settle handles what is left when the loop has stopped.
func (l *loop) settle() {
	for len(l.ended) > 0 || l.busy.len() > 0 || !l.mail.empty() {
		l.carry()
		l.flush()
		l.bury()
	}
}

// idle makes the loop ready to sleep and returns for how long.
func (l *loop) idle() time.Duration {
	l.mail.asleep.Store(true)
	if !l.mail.empty() {
		l.mail.asleep.Store(false)
		return 0
	}
	next := time.Duration(l.now) * time.Second // the end of this second
	return max(time.Millisecond, next-time.Since(l.started))
}

// turn does one round of work and tells whether to go on without waiting.
func (l *loop) turn(timeout time.Duration) bool {
	if l.paused.len() > 0 && timeout > time.Millisecond {
		timeout = time.Millisecond // nobody wakes us when another loop has caught up
	}
	worked, more := l.waiter.wait(timeout)
	l.mail.asleep.Store(false)
	l.tick()
	if l.carry() {
		worked = true
	}
	if l.resumeReading() {
		worked = true
	}
	l.flush()
	// After reading: an answer that has arrived counts. But a flood has no end.
	if more && l.behind == 0 {
		l.behind = l.now
	}
	if !more || l.now-l.behind >= mostPostponed {
		l.behind = 0
		l.expire()
	}
	l.bury()
	return worked || l.busy.len() > 0 || l.dirty.len() > 0 || len(l.ended) > 0
}

func (l *loop) tick() {
	l.clock = time.Since(l.started)
	l.now = uint32(l.clock/time.Second) + 1
}

// Deliveries are cheaper than writes. A lane that has made mostBatch of them, of
// batchFrame bytes or less, for each of its dirty connections makes no more
// before some of these are written: it would hardly save writes, and queues
// would grow.
const (
	mostBatch  = 128
	batchFrame = 1 << 10
)

// ahead tells whether the lane's mail waits for its writes.
func (n *lane) ahead() bool {
	return n.piled > turnWeight && n.piled > mostBatch*n.dirty.len() && n.dirty.len() > 0
}

// carry handles mail, as much as a turn may, of each lane its share. A piece
// of mail may weigh more than that: its lane sits out the shares it took.
func (l *loop) carry() (worked bool) {
	l.mail.collect(&l.busy)
	for left := turnWeight; left > 0 && l.busy.len() > 0; {
		n := l.busy.pop()
		if n.ahead() {
			l.ahead = append(l.ahead, n)
			continue
		}
		share := max(leastWeight, turnWeight/(l.busy.len()+1))
		if n.debt >= share {
			n.debt -= share
			l.busy.push(n)
			continue
		}
		share -= n.debt
		weight := l.handleMail(n, min(share, left))
		left -= weight
		n.debt = max(0, weight-share)
		if n.next < len(n.batch) {
			l.busy.push(n)
		} else {
			n.debt = 0
		}
		worked = true
	}
	for _, n := range l.ahead {
		l.busy.push(n)
	}
	l.ahead = l.ahead[:0]
	return worked
}

// handleMail handles mail of a lane until it weighs most or more.
func (l *loop) handleMail(n *lane, most int) (weight int) {
	for n.next < len(n.batch) && weight < most {
		m := &n.batch[n.next]
		n.next++
		w := m.Weight()
		weight += w
		l.broad = l.broad || w > turnWrites
		m.Handle()
		n.piled += w * (1 + m.Size()/batchFrame)
	}
	l.mail.done(n, int64(weight))
	return weight
}

// touch puts a connection on its lane's list to be written.
func (n *lane) touch(c *conn) {
	if n.dirty.len() == 0 {
		n.loop.dirty.push(n)
		n.piled = 0
	}
	n.dirty.push(c)
}

// flush writes connections that were touched, each once, as many as a turn may
// and of each lane its share.
func (l *loop) flush() {
	for left := turnWrites; left > 0 && l.dirty.len() > 0; {
		n := l.dirty.pop()
		share := min(left, max(leastWrites, turnWrites/(l.dirty.len()+1)))
		left -= share
		for share > 0 && n.dirty.len() > 0 {
			c := n.dirty.pop()
			c.dirty = false
			share--
			n.piled = max(0, n.piled-mostBatch)
			if c.state != connDead && !c.blocked && c.queue.bytes > 0 {
				waited := c.queue.bytes
				c.link.flush(c)
				share -= (waited - c.queue.bytes) / writeUnit
			}
		}
		left += share // what the lane left, or took too much
		if n.dirty.len() > 0 {
			l.dirty.push(n)
		}
	}
	if l.dirty.len() == 0 {
		l.broad = false
	}
}

// end puts a connection on the list of those to be buried.
func (l *loop) end(c *conn) {
	if !c.ending {
		c.ending = true
		l.ended = append(l.ended, c)
	}
}

// bury ends sessions and gives sockets back, last in a turn: until then a
// descriptor or slot of this turn's events means what it meant. What is more
// than a turn may do is left to those after.
func (l *loop) bury() {
	for left := 0; len(l.ended) > 0; {
		ended := l.ended
		l.ended = nil
		for i, c := range ended {
			if left > turnLeaves {
				l.ended = append(ended[i:], l.ended...)
				return
			}
			left += 1 + c.Places()
			c.ending = false
			if c.front != nil && c.front.leaving && c.state == connOpen && c.queue.bytes == 0 {
				l.handOver(c, c.in)
			}
			c.Gone()
			if c.state != connOpen { // a held one stays
				c.unseat()
			}
			if c.state != connDead {
				continue
			}
			if c.front != nil {
				l.account(c.front, nil)
				c.front.leave()
			}
			c.forget()
			c.unenter()
			l.unspare(c)
			c.queue.reset(&l.frames)
			c.link.release(c)
			l.share.conns.Add(-1)
			l.slots[c.slot] = slot{}
			l.free = append(l.free, c.slot)
			if c.front == nil {
				c.discount()
			}
		}
		l.resume()
	}
}

// adopt makes the loop the owner of a new connection.
func (l *loop) adopt(c *conn) {
	if c.lane == nil { // of no app, or none yet
		c.lane = l.own
	}
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		c.slot = int32(len(l.slots))
		l.slots = append(l.slots, slot{})
	}
	l.serial++
	l.slots[c.slot] = slot{c, l.serial}
	c.active, c.opened = l.now, l.now
}

func (l *loop) lookup(h handle) *conn {
	if int(h.slot) < len(l.slots) && l.slots[h.slot].generation == h.generation {
		return l.slots[h.slot].conn
	}
	return nil
}

func (l *loop) handle(c *conn) handle {
	return handle{c.slot, l.slots[c.slot].generation}
}
