package sockets

import (
	"fmt"
	"sync"
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
	loop    *loop
	fd      int
	events  []unix.EpollEvent
	mu      sync.Mutex // wake may be called by anyone, also after close
	eventfd int        // -1 once closed
}

func newWaiter(l *loop) (waiter, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll set: %w", err)
	}
	eventfd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("create eventfd: %w", err)
	}
	p := &epoll{loop: l, fd: fd, eventfd: eventfd, events: make([]unix.EpollEvent, epollBatch)}
	if err := p.control(unix.EPOLL_CTL_ADD, eventfd, unix.EPOLLIN, wakeHandle); err != nil {
		p.close()
		return nil, fmt.Errorf("watch eventfd: %w", err)
	}
	return p, nil
}

func (p *epoll) control(op, fd int, events uint32, h handle) error {
	return unix.EpollCtl(p.fd, op, fd, &unix.EpollEvent{Events: events, Fd: h.slot, Pad: h.generation})
}

// overloadPause is how long a loop that may not read rests.
const overloadPause = 200 * time.Microsecond

func (p *epoll) wait(timeout time.Duration, reads bool) (worked, more bool) {
	if !reads {
		timeout = 0
	}
	n, err := p.poll(timeout)
	if err != nil {
		return false, false // EINTR
	}
	for i := range n {
		ev := &p.events[i]
		h := handle{ev.Fd, ev.Pad}
		if h == wakeHandle {
			p.drain()
			worked = true
			continue
		}
		if h == listenHandle {
			if p.loop.front != nil && reads {
				p.loop.accept()
			}
			worked = true
			continue
		}
		c := p.loop.lookup(h)
		if c == nil || c.state == connDead {
			continue
		}
		if ev.Events&unix.EPOLLOUT != 0 && c.blocked {
			c.blocked = false
			p.flush(c)
			worked = true
		}
		if ev.Events&^unix.EPOLLOUT != 0 && reads {
			p.read(c)
			worked = true
		}
	}
	if !reads && !worked {
		time.Sleep(overloadPause)
	}
	return worked, n == len(p.events)
}

// poll asks without giving up the processor where it need not wait: a blocking
// system call costs the scheduler a hand-over.
func (p *epoll) poll(timeout time.Duration) (int, error) {
	if timeout > 0 {
		return unix.EpollWait(p.fd, p.events, int((timeout+time.Millisecond-1)/time.Millisecond))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// yield asks the kernel: those who read what was written, or a proxy, may wait
// for this processor. With nobody waiting it is a system call that does nothing.
func (p *epoll) yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

func (p *epoll) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.eventfd >= 0 {
		one := [8]byte{1}
		_, _ = unix.Write(p.eventfd, one[:]) // full means woken
	}
}

func (p *epoll) drain() {
	var b [8]byte
	_, _ = unix.Read(p.eventfd, b[:])
}

func (p *epoll) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = unix.Close(p.eventfd)
	_ = unix.Close(p.fd)
	p.eventfd = -1
}

// watch puts a connection's descriptor into the set.
func (p *epoll) watch(c *conn) error {
	return p.control(unix.EPOLL_CTL_ADD, int(c.fd), unix.EPOLLIN|unix.EPOLLRDHUP, p.loop.handle(c))
}

// read takes what has arrived, once: the set tells us again if there is more.
func (p *epoll) read(c *conn) {
	buf := p.loop.buf
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
		unix.MSG_DONTWAIT, 0, 0)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0 || n == 0:
		c.die()
	default:
		c.feed(buf[:n])
		// An answer does not queue behind a storm on somebody's channel.
		if c.queue.bytes > 0 && !c.blocked && c.state != connDead {
			p.flush(c)
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
			c.die()
		}
	}
	if c.armed && c.state != connDead {
		c.armed = false
		if p.control(unix.EPOLL_CTL_MOD, int(c.fd), unix.EPOLLIN|unix.EPOLLRDHUP, p.loop.handle(c)) != nil {
			c.die()
		}
	}
}

// block waits for the peer to read.
func (p *epoll) block(c *conn) {
	c.blocked = true
	if c.armed {
		return
	}
	c.armed = true
	if p.control(unix.EPOLL_CTL_MOD, int(c.fd), unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLOUT, p.loop.handle(c)) != nil {
		c.die()
	}
}

// finish implements link.
func (p *epoll) finish(c *conn) { _ = unix.Shutdown(int(c.fd), unix.SHUT_WR) }

// release implements link. Closing takes the descriptor out of the set.
func (p *epoll) release(c *conn) {
	if c.fd >= 0 { // not handed over
		_ = unix.Close(int(c.fd))
	}
}
