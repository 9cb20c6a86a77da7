package sockets

import (
	"errors"
	"fmt"
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
