package sockets

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring sends on many descriptors with one system call, through io_uring(7). No send is
// left in it: each either succeeds or fails at once, as send(2) with MSG_DONTWAIT does.
// Only one goroutine at a time may use it.
type ring struct {
	fd      int
	rings   []byte // mapped: both queues
	entries []byte // mapped: the sends
	sends   []ringSend
	tail    *uint32 // of the submission queue
	head    *uint32 // of the submission queue
	done    ringDone
	queued  int
}

// ringSends is the maximum number of sends in one system call. More would not be
// faster, and each stop-the-world pause of Go waits for the system call to end.
const ringSends = 32

// errNotSent is the result of a send that the kernel did not try.
const errNotSent = unix.EINPROGRESS

// ringDone is the completion queue.
type ringDone struct {
	head, tail *uint32
	results    []ringResult
}

// What follows has the layout of linux/io_uring.h.

type ringSend struct {
	opcode   uint8
	flags    uint8
	ioprio   uint16
	fd       int32
	offset   uint64
	address  uint64
	length   uint32
	msgFlags uint32
	data     uint64
	_        [3]uint64
}

type ringResult struct {
	data   uint64
	result int32
	flags  uint32
}

type ringParameters struct {
	sends, results, flags, threadCPU, threadIdle, features, queueFD uint32
	_                                                               [3]uint32
	submission                                                      struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	completion struct {
		head, tail, mask, entries, overflow, results, flags, _ uint32
		_                                                      uint64
	}
}

const (
	ringOpSend      = 26
	ringOneMapping  = 1 << 0     // IORING_FEAT_SINGLE_MMAP
	ringFastPoll    = 1 << 5     // IORING_FEAT_FAST_POLL, since Linux 5.7
	ringGetEvents   = 1 << 0     // IORING_ENTER_GETEVENTS
	ringOffsetSends = 0x10000000 // IORING_OFF_SQES
)

var errOldRing = errors.New("io_uring of Linux before 5.7")

// newRing returns an error if the system has no io_uring or does not allow it, as in
// most containers.
func newRing() (*ring, error) {
	var p ringParameters
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, ringSends, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("set up io_uring: %w", errno)
	}
	r := &ring{fd: int(fd)}
	if p.features&ringOneMapping == 0 || p.features&ringFastPoll == 0 {
		r.close()
		return nil, errOldRing
	}
	if err := r.mapQueues(&p); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ring) mapQueues(p *ringParameters) (err error) {
	s, c := &p.submission, &p.completion
	size := max(int(s.array)+4*int(p.sends), int(c.results)+int(unsafe.Sizeof(ringResult{}))*int(p.results))
	if r.rings, err = unix.Mmap(r.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return fmt.Errorf("map the queues of io_uring: %w", err)
	}
	size = int(p.sends) * int(unsafe.Sizeof(ringSend{}))
	if r.entries, err = unix.Mmap(r.fd, ringOffsetSends, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return fmt.Errorf("map the entries of io_uring: %w", err)
	}
	r.sends = unsafe.Slice((*ringSend)(unsafe.Pointer(&r.entries[0])), p.sends)
	r.head, r.tail = r.word(s.head), r.word(s.tail)
	for i, order := 0, unsafe.Slice(r.word(s.array), p.sends); i < len(order); i++ {
		order[i] = uint32(i)
	}
	r.done = ringDone{r.word(c.head), r.word(c.tail), unsafe.Slice((*ringResult)(unsafe.Pointer(&r.rings[c.results])), p.results)}
	return nil
}

func (r *ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }

// add queues a send of b. b must stay allocated and unchanged until submit has
// returned. At most ringSends fit.
func (r *ring) add(fd int32, b []byte) {
	at := *r.tail + uint32(r.queued)
	r.sends[at%uint32(len(r.sends))] = ringSend{
		opcode: ringOpSend, fd: fd, address: uint64(uintptr(unsafe.Pointer(&b[0]))), length: uint32(len(b)),
		msgFlags: unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL, data: uint64(r.queued),
	}
	r.queued++
}

// submit makes the sends that were added. It writes to results, in the same order, how
// many bytes each has sent, or its negative error: errNotSent if it was not tried.
func (r *ring) submit(results *[ringSends]int32) {
	for i := range r.queued {
		results[i] = -int32(errNotSent)
	}
	before := atomic.LoadUint32(r.head)
	atomic.StoreUint32(r.tail, before+uint32(r.queued))
	_, _, _ = unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(r.queued), 0, 0, 0, 0)
	r.queued = 0
	tried := int(atomic.LoadUint32(r.head) - before)
	atomic.StoreUint32(r.tail, before+uint32(tried)) // the rest is never tried
	for tried > 0 {
		tried -= r.reap(results)
		// Not expected: with MSG_DONTWAIT no send waits. But the memory must not be freed
		// before the kernel has used it.
		if tried > 0 {
			_, _, _ = unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 0, 1, ringGetEvents, 0, 0)
		}
	}
}

// reap moves what is in the completion queue to results, and returns the number.
func (r *ring) reap(results *[ringSends]int32) (n int) {
	head, tail := *r.done.head, atomic.LoadUint32(r.done.tail)
	for ; head != tail; head++ {
		done := &r.done.results[head%uint32(len(r.done.results))]
		results[done.data] = done.result
		n++
	}
	atomic.StoreUint32(r.done.head, head)
	return n
}

func (r *ring) close() {
	for _, mapped := range [][]byte{r.rings, r.entries} {
		if mapped != nil {
			_ = unix.Munmap(mapped)
		}
	}
	_ = unix.Close(r.fd)
	runtime.KeepAlive(r)
}
