package client

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The events of a descriptor.
const (
	canRead  = unix.EPOLLIN
	canWrite = unix.EPOLLOUT
	hasEnded = unix.EPOLLRDHUP // the other side has ended the stream
	isBroken = unix.EPOLLERR | unix.EPOLLHUP
)

// onEdge makes epoll report readiness once (edge-triggered). Level-triggered, the
// kernel would check the descriptor a second time after each delivery.
const onEdge = unix.EPOLLET

// wakeSlot and timerSlot mark the events of the poller's own descriptors.
const (
	wakeSlot  = -1
	timerSlot = -2
)

// poller is the operating system's part of a loop: an epoll set
// with an eventfd to wake it and a timerfd, since epoll counts in milliseconds
// and an open-loop load in microseconds. All but wake belongs to the loop.
type poller struct {
	fd, eventfd, timerfd int
	events               []unix.EpollEvent
	armed                int64 // nanoseconds of the loop's clock; 0 means disarmed
}

func newPoller() (*poller, error) {
	p := &poller{fd: -1, eventfd: -1, timerfd: -1, events: make([]unix.EpollEvent, 256)}
	var err error
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("create epoll set: %w", err)
	}
	if p.eventfd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		p.close()
		return nil, fmt.Errorf("create eventfd: %w", err)
	}
	if p.timerfd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		p.close()
		return nil, fmt.Errorf("create timerfd: %w", err)
	}
	if err := errors.Join(p.watch(p.eventfd, wakeSlot, canRead), p.watch(p.timerfd, timerSlot, canRead)); err != nil {
		p.close()
		return nil, fmt.Errorf("watch the poller's own descriptors: %w", err)
	}
	return p, nil
}

// wait blocks until a descriptor is ready, wake was called or the clock has
// reached until (0 is never), and returns how many of events are filled.
func (p *poller) wait(now, until int64) int {
	if until != 0 && until <= now {
		return p.ask(0)
	}
	if until != p.armed {
		p.armed = until
		var spec unix.ItimerSpec // zero disarms
		if until != 0 {
			spec.Value = unix.NsecToTimespec(until - now)
		}
		_ = unix.TimerfdSettime(p.timerfd, 0, &spec, nil)
	}
	return p.ask(-1)
}

func (p *poller) ask(milliseconds int) int {
	n, err := unix.EpollWait(p.fd, p.events, milliseconds)
	if err != nil {
		return 0 // EINTR
	}
	return n
}

// event returns the slot and readiness of an event, or false for the poller's own.
func (p *poller) event(i int) (slot int32, ready uint32, ok bool) {
	e := &p.events[i]
	switch e.Fd {
	case wakeSlot:
		p.drain(p.eventfd)
		return 0, 0, false
	case timerSlot:
		p.drain(p.timerfd)
		p.armed = 0
		return 0, 0, false
	}
	return e.Fd, e.Events, true
}

func (p *poller) drain(fd int) {
	var b [8]byte
	_, _ = unix.Read(fd, b[:])
}

// wake ends the current wait, or the next. Any goroutine may call it until close.
func (p *poller) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(p.eventfd, one[:]) // if it is full, a wake-up is pending
}

func (p *poller) watch(fd int, slot int32, ready uint32) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: ready, Fd: slot})
}

func (p *poller) rewatch(fd int, slot int32, ready uint32) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: ready, Fd: slot})
}

func (p *poller) unwatch(fd int) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil)
}

func (p *poller) close() {
	for _, fd := range []int{p.timerfd, p.eventfd, p.fd} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// dial begins a connection and returns its non-blocking descriptor. from is the
// source address, zero for any.
func dial(to netip.AddrPort, from netip.Addr) (int, error) {
	family := unix.AF_INET
	if !to.Addr().Is4() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("make a socket: %w", err)
	}
	if err := begin(fd, to, from); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func begin(fd int, to netip.AddrPort, from netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("set TCP_NODELAY: %w", err)
	}
	if from.IsValid() {
		// The port is chosen by connect, where it need only differ per destination.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return fmt.Errorf("set IP_BIND_ADDRESS_NO_PORT: %w", err)
		}
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))); err != nil {
			return fmt.Errorf("bind to %s: %w", from, err)
		}
	}
	if err := unix.Connect(fd, sockaddr(to)); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect to %s: %w", to, err)
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// connected returns how the connection that dial began has ended.
func connected(fd int) error {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("read SO_ERROR: %w", err)
	}
	if errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}

// receive reads once from a non-blocking descriptor, without notifying Go's scheduler,
// which would cost more than the read. again is true if there is nothing to read; n is
// 0 at the end of the stream.
func receive(fd int, buf []byte) (n int, again bool, err error) {
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
		unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(r), false, nil
	case unix.EAGAIN, unix.EINTR:
		return 0, true, nil
	default:
		return 0, false, errno
	}
}

// send writes once in the same way and returns how many bytes the kernel accepted.
func send(fd int, b []byte) (int, error) {
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	switch errno {
	case 0:
		return int(r), nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	default:
		return 0, errno
	}
}

// await blocks until a descriptor is ready or has failed, or time is up.
func await(fd int, what uint32, most time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(fd), Events: int16(what)}} // of EPOLLIN and EPOLLOUT, which poll(2) has as well
	n, err := unix.Poll(fds, int(most.Milliseconds())+1)
	switch {
	case err != nil && !errors.Is(err, unix.EINTR):
		return err
	case n == 0 && err == nil:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// stopWaiting ends the wait of await for a descriptor.
func stopWaiting(fd int) { _ = unix.Shutdown(fd, unix.SHUT_RDWR) }

// hangUp closes a descriptor. An abrupt close resets the connection, so that its port
// does not stay in TIME_WAIT for a minute.
func hangUp(fd int, abrupt bool) {
	if abrupt {
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	_ = unix.Close(fd)
}

// OwnCPU returns the processor time that this process has used.
func OwnCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// FilesAllowed returns how many files this process may have open.
func FilesAllowed() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Cur, 1<<30))
}
