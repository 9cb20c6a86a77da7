package sockets

import (
	"context"
	"net/netip"
	"time"

	"fanfare/apps"
	"fanfare/channels"
)

// The size of the buffer that a loop reads into, and of the one to which it copies
// frames before it writes them.
const (
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
	own    *lane      // for what belongs to no app; any goroutine
	// counters are written by the loop, read by anyone.
	counters channels.Counters
	share    share // any goroutine

	// What follows belongs to the loop's goroutine.
	slots    []slot
	free     []int32
	busy     fifo[*lane] // lanes with collected mail
	ahead    []*lane     // of these, the ones that wait for their writes; within carry
	dirty    fifo[*lane] // lanes with connections to be written
	paused   fifo[*lane] // lanes with paused connections
	broad    bool        // an event for many is being delivered or written
	ended    []*conn
	handing  []*conn // to be handed to net/http
	wheel    wheel
	oldest   int32  // first of the spare connections: its slot, counted from 1
	newest   int32  // the last of them
	behind   uint32 // second since which deadlines are postponed, 0 if they are not
	started  time.Time
	clock    time.Duration // since the start
	now      uint32        // seconds since the start, from 1
	frames   framePool
	buf      []byte
	scratch  []byte
	joined   []byte    // see join
	lines    []byte    // of a session, for a connection of the loop
	serial   int32     // of the newest connection, for its handle
	parsed   uint64    // frames of clients so far; a request counts for several
	wrote    uint64    // counters.Writes at the beginning of this second
	accepted int       // connections accepted in this second
	passing  [][]*conn // accepted for other loops, by their index
	shedding uint32    // second before which shed closes no slow reader
	stopped  bool
	holding  bool // new connections wait for the end of the process
	// registry is that of the last Renew, nil before the first. A connection may
	// arrive with an app from an earlier registry.
	registry   *apps.Registry
	admissions map[*conn]admission  // connections that wait for the cluster; nil while there are none
	counted    map[*conn]netip.Addr // sockets that are counted by address; nil while there are none
}

type slot struct {
	conn       *conn
	generation int32
}

// waiter waits for events on behalf of a loop and writes its connections.
type waiter interface {
	// wait handles what connections can read or write. It blocks until there
	// is something, wake was called or timeout has passed. It reports whether it
	// did anything, and whether there may be more.
	wait(timeout time.Duration) (worked, more bool)
	// yield lets other goroutines run. If broad, in the middle of an event for
	// many, it lets other processes run too: readers on the same machine then
	// read while there is more to write. After small writes that would only
	// break up batches.
	yield(broad bool)
	// write writes the queue of a connection, or leaves that to send, and returns
	// the number of bytes. Until send, the loop makes no other call for the
	// connection.
	write(c *conn) (bytes int)
	send()
	// name is the result of Server.Transport.
	name() string
	// wake ends the current wait, or else the next. Any goroutine may call it.
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

// run makes turns until ctx is done, then ends every connection.
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

// settle handles the remaining mail and connections when the loop has stopped.
func (l *loop) settle() {
	for len(l.ended) > 0 || len(l.handing) > 0 || l.busy.len() > 0 || !l.mail.empty() {
		l.carry()
		l.flush()
		l.bury()
	}
}

// idle prepares the loop to wait and returns for how long.
func (l *loop) idle() time.Duration {
	l.mail.asleep.Store(true)
	if !l.mail.empty() {
		l.mail.asleep.Store(false)
		return 0
	}
	next := time.Duration(l.now) * time.Second // the end of this second
	return max(time.Millisecond, next-time.Since(l.started))
}

// turn does one round of work and reports whether the next must not wait.
func (l *loop) turn(timeout time.Duration) bool {
	if l.paused.len() > 0 && timeout > time.Millisecond {
		timeout = time.Millisecond // there is no wake when another loop has caught up
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
	// Deadlines are checked after reading, so that an answer that has arrived counts. While
	// there is always more to read, they are postponed for a limited time only.
	if more && l.behind == 0 {
		l.behind = l.now
	}
	if !more || l.now-l.behind >= mostPostponed {
		l.behind = 0
		l.expire()
	}
	l.bury()
	return worked || l.busy.len() > 0 || l.dirty.len() > 0 || len(l.ended) > 0 || len(l.handing) > 0
}

func (l *loop) tick() {
	l.clock = time.Since(l.started)
	l.now = uint32(l.clock/time.Second) + 1
}

// end puts a connection on the list of ended connections, or of those to be handed
// over to net/http.
func (l *loop) end(c *conn) {
	if c.ending {
		return
	}
	c.ending = true
	if c.leaving() && c.state == connOpen {
		l.handing = append(l.handing, c)
	} else {
		l.ended = append(l.ended, c)
	}
}

// bury ends sessions and closes sockets, last in a turn: until then, no descriptor or
// slot in this turn's events is reused. Connections beyond the limit of a turn are left
// to the next turns. Those for net/http do not wait for sockets that take long to end.
func (l *loop) bury() {
	l.buryAll(&l.handing)
	l.buryAll(&l.ended)
}

// buryAll handles as much of a list as a turn may.
func (l *loop) buryAll(list *[]*conn) {
	for left := 0; len(*list) > 0; {
		ended := *list
		*list = nil
		for i, c := range ended {
			if left > turnLeaves {
				*list = append(ended[i:], *list...)
				return
			}
			left += 1 + c.Places()
			c.ending = false
			if c.leaving() && c.state == connOpen && c.queue.bytes == 0 {
				l.handOver(c, c.in)
			}
			c.Gone()
			if l.admissions != nil {
				c.forgetAdmission()
			}
			if c.state != connOpen { // a held connection keeps its seat
				c.unseat()
			}
			if c.state != connDead {
				continue
			}
			if c.carrying() {
				c.dropCarried()
			}
			if c.front != nil {
				c.answerMissed()
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
	if c.lane == nil { // it has no app, or none yet
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
