package sockets

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollBatch is how many events one wait takes.
const epollBatch = 256

// wakeHandle marks the event of the eventfd.
var wakeHandle = handle{slot: -1}

// epoll is the waiter of a loop on Linux and the link of connections that own
// a descriptor. It is level-triggered.
type epoll struct {
	websocket
	loop   *loop
	fd     int             // of the epoll set
	file   *os.File        // the same, for Go's poller
	set    syscall.RawConn // raw access to file
	pause  time.Duration   // average of the last waits
	parked bool            // the last wait was in Go's poller
	until  time.Time       // file's deadline
	events []unix.EpollEvent
	behind fifo[handle] // connections with data that later waits read
	plain  []byte       // buffer for decrypted TLS data; nil until needed
	together
	mu      sync.Mutex // any goroutine may call wake, also after close
	eventfd int        // -1 once closed
}

func newWaiter(l *loop) (waiter, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll set: %w", err)
	}
	_ = unix.SetNonblock(fd, true) // Go's poller requires it; without it park returns an error
	p := &epoll{loop: l, fd: fd, file: os.NewFile(uintptr(fd), "epoll"), eventfd: -1, events: make([]unix.EpollEvent, epollBatch)}
	if err := p.prepare(); err != nil {
		p.close()
		return nil, err
	}
	if !l.server.cfg.NoRing && !l.server.cfg.Portable {
		if p.ring, err = newRing(); err != nil && l.index == 0 {
			l.server.cfg.Logger.Debug("io_uring is not available", "error", err)
		}
	}
	return p, nil
}

func (p *epoll) prepare() (err error) {
	if p.set, err = p.file.SyscallConn(); err != nil {
		return fmt.Errorf("get raw access to the epoll set: %w", err)
	}
	if p.eventfd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("create eventfd: %w", err)
	}
	// Edge-triggered, each wake is a separate event and the counter need not be read.
	if err := p.control(unix.EPOLL_CTL_ADD, p.eventfd, unix.EPOLLIN|unix.EPOLLET, wakeHandle); err != nil {
		return fmt.Errorf("watch eventfd: %w", err)
	}
	return nil
}

func (p *epoll) control(op, fd int, events uint32, h handle) error {
	return unix.EpollCtl(p.fd, op, fd, &unix.EpollEvent{Events: events, Fd: h.slot, Pad: h.generation})
}

func (p *epoll) wait(timeout time.Duration) (worked, more bool) {
	most := p.loop.parsed + turnReads
	if p.behind.len() > 0 { // before the poll: the set then does not report those that have nothing more
		timeout, worked = 0, p.readBehind(most)
	}
	n, err := p.poll(timeout)
	if err != nil {
		return worked, p.behind.len() > 0 // EINTR
	}
	p.loop.mail.asleep.Store(false) // no wake is needed for mail posted from here on: this turn handles it
	p.loop.tick()                   // new deadlines count from now, also if the process was suspended
	for i := range n {
		ev := &p.events[i]
		h := handle{ev.Fd, ev.Pad}
		if h == wakeHandle {
			worked = true
			continue
		}
		if h == listenHandle {
			if p.loop.front != nil {
				p.loop.accept()
				worked = true
			}
			continue
		}
		c := p.loop.lookup(h)
		if c == nil || c.state == connDead {
			continue
		}
		if ev.Events&unix.EPOLLOUT != 0 && c.blocked {
			c.blocked = false
			c.link.flush(c)
			worked = true
		}
		if ev.Events&^unix.EPOLLOUT == 0 {
			continue
		}
		worked = true
		if c.carrying() {
			if ev.Events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
				c.die()
			} else {
				p.listenTo(c)
			}
			continue
		}
		if c.waits() {
			if ev.Events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
				c.die()
			} else { // it has sent more data, or has ended its side
				c.paused = true
				p.rewatch(c)
			}
			continue
		}
		if c.mustWait() && ev.Events&(unix.EPOLLERR|unix.EPOLLHUP) == 0 {
			c.pause()
			p.rewatch(c)
			continue
		}
		if c.front == nil && (p.loop.parsed >= most || p.behind.len() > 0) {
			p.leave(c)
			continue
		}
		p.read(c)
	}
	return worked, n == len(p.events) || p.behind.len() > 0
}

// turnReads is about how many frames a turn reads. Sockets with more data wait in a
// queue and are read greedyRead bytes at a time: their messages may take long to
// handle, and requests and mail of others wait until the turn ends.
const turnReads = 256

// leave queues a connection, to be read in a later turn.
func (p *epoll) leave(c *conn) {
	if c.pace != behind {
		c.pace = behind
		p.behind.push(p.loop.handle(c))
	}
}

// readBehind reads connections that leave has queued, and reports whether there
// were any.
func (p *epoll) readBehind(most uint64) (worked bool) {
	for left := epollBatch; left > 0 && p.behind.len() > 0 && p.loop.parsed < most; left-- {
		worked = true
		c := p.loop.lookup(p.behind.pop())
		if c == nil || c.pace != behind {
			continue
		}
		c.pace = greedy
		if c.state != connDead && !c.waits() && !c.mustWait() { // otherwise the set reports it again
			p.read(c)
		}
	}
	return worked
}

// A loop is calm while its waits are long on average. A goroutine in a blocking
// system call keeps its processor (P), and for the next ten milliseconds Go's
// monitor thread checks every 20 µs whether to retake it: that was half the cost of
// a ping on an idle server. Go's poller releases the processor at once, but costs
// more thread switches if waits are short. The average decides and not the last
// wait, because a single blocking system call among long waits already has that
// cost.
const (
	calmAbove = time.Millisecond
	longPause = 8 * time.Millisecond // longer waits count as this
	pauses    = 8                    // the newest wait has the weight 1/pauses in the average
)

// poll waits in the system call, or in Go's poller while the loop is calm.
func (p *epoll) poll(timeout time.Duration) (n int, err error) {
	p.parked = false
	if timeout <= 0 {
		return p.ask()
	}
	begun := time.Now()
	if p.calm() {
		n, err = p.park(begun.Add(timeout))
	} else {
		n, err = unix.EpollWait(p.fd, p.events, int((timeout+time.Millisecond-1)/time.Millisecond))
	}
	p.waited(time.Since(begun))
	return n, err
}

// waited adds a wait to the average.
func (p *epoll) waited(d time.Duration) { p.pause += (min(d, longPause) - p.pause) / pauses }

func (p *epoll) calm() bool { return p.pause > calmAbove }

// park waits in Go's poller. The deadline usually is the end of a second and is set
// once for all waits in that second, because each new timer wakes a thread.
func (p *epoll) park(until time.Time) (n int, err error) {
	if until.Sub(p.until).Abs() > time.Millisecond {
		if err := p.file.SetReadDeadline(until); err != nil {
			return 0, fmt.Errorf("set the deadline of the epoll set: %w", err)
		}
		p.until = until
	}
	late := p.set.Read(func(uintptr) bool {
		n, err = p.ask()
		p.parked = p.parked || n == 0
		return n > 0 || err != nil
	})
	if errors.Is(late, os.ErrDeadlineExceeded) {
		return 0, nil
	}
	return n, errors.Join(err, late)
}

// ask returns what is ready now, without involving Go's scheduler.
func (p *epoll) ask() (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// yield lets other threads and goroutines run. After a broad write it yields to the
// kernel, because the readers of what was written, or a proxy, may wait for this
// processor; if none does, the system call has no effect. If the loop was parked,
// Go's scheduler has already run others, and Gosched would only wake a thread that
// finds nothing to do.
func (p *epoll) yield(broad bool) {
	if broad {
		_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
	if !p.parked {
		runtime.Gosched()
	}
}

func (p *epoll) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.eventfd >= 0 {
		one := [8]byte{1}
		_, _ = unix.Write(p.eventfd, one[:]) // a full counter is a wake already
	}
}

func (p *epoll) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = unix.Close(p.eventfd)
	_ = p.file.Close()
	if p.ring != nil {
		p.ring.close()
		p.ring = nil
	}
	p.eventfd = -1
}

// watch puts a connection's descriptor into the set.
func (p *epoll) watch(c *conn) error {
	return p.control(unix.EPOLL_CTL_ADD, int(c.fd), unix.EPOLLIN|unix.EPOLLRDHUP, p.loop.handle(c))
}

// One read may return ten thousand frames or a hundred requests. Handling them takes
// ten milliseconds, and all other connections wait. A socket whose read held more
// than busyRead frames is therefore read greedyRead bytes a turn until it has no
// more. Requests are read requestRead bytes at a time, because what was read of a
// request for net/http is copied. TLS is read securedRead bytes at a time: if they are
// all requests for new keys, computing the keys takes milliseconds.
const (
	busyRead    = 64
	greedyRead  = 1 << 10
	requestRead = 16 << 10
	securedRead = 8 << 10
)

// read reads once from the connection: the set reports it again if there is more.
func (p *epoll) read(c *conn) {
	if c.leaving() {
		return // the rest is for net/http
	}
	s, secured := c.link.(*securedLink)
	buf := p.loop.buf
	switch {
	case c.pace != steady:
		buf = buf[:greedyRead]
	case c.front != nil:
		buf = buf[:requestRead]
	case secured:
		buf = buf[:securedRead]
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
		unix.MSG_DONTWAIT, 0, 0)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		c.pace = steady
	case n == 0 && errno == 0:
		c.lose(byNetwork, withoutFarewell)
	case errno != 0:
		c.lose(byNetwork, errno.Error())
	default:
		before := p.loop.parsed
		if secured {
			s.take(c, buf[:n])
		} else {
			c.feed(buf[:n])
		}
		if p.loop.parsed-before > busyRead || c.pace == greedy && int(n) == len(buf) {
			c.pace = greedy
		} else {
			c.pace = steady
		}
		// Answers are written at once: they do not wait for the other reads of this turn.
		if c.queue.bytes > 0 && !c.blocked && c.state != connDead {
			c.link.flush(c)
		}
	}
}

// flush implements link.
func (p *epoll) flush(c *conn) {
	for c.queue.bytes > 0 && c.state != connDead {
		b := c.queue.gather(p.loop.scratch)
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			c.written(int(n))
			if int(n) < len(b) {
				p.block(c)
				return
			}
		case unix.EINTR:
		case unix.EAGAIN:
			p.block(c)
			return
		default:
			c.lose(byNetwork, errno.Error())
		}
	}
	if c.armed && c.state != connDead {
		c.armed = false
		p.rewatch(c)
	}
}

// block has the set report when the peer reads again.
func (p *epoll) block(c *conn) {
	c.blocked = true
	c.slow()
	if c.armed {
		return
	}
	c.armed = true
	p.rewatch(c)
}

// rewatch updates in the set which events the connection waits for.
func (p *epoll) rewatch(c *conn) {
	var events uint32
	if !c.paused && !c.leaving() {
		events |= unix.EPOLLIN | unix.EPOLLRDHUP
	}
	if c.armed {
		events |= unix.EPOLLOUT
	}
	if p.control(unix.EPOLL_CTL_MOD, int(c.fd), events, p.loop.handle(c)) != nil {
		c.die()
	}
}

// resume implements link.
func (p *epoll) resume(c *conn) { p.rewatch(c) }

// finish implements link.
func (p *epoll) finish(c *conn) { _ = unix.Shutdown(int(c.fd), unix.SHUT_WR) }

// release implements link. Closing takes the descriptor out of the set.
func (p *epoll) release(c *conn) {
	if c.fd >= 0 { // not handed over
		_ = unix.Close(int(c.fd))
	}
}

// size implements link.
func (p *epoll) size() int { return epollBytes }

// address implements link.
func (p *epoll) address(c *conn) netip.Addr {
	peer, err := unix.Getpeername(int(c.fd))
	if err != nil {
		return netip.Addr{}
	}
	return remote(peer).Addr()
}
