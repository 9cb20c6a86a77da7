package sockets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/channels"
)

// hasRing reports whether the system allows io_uring. Where it does not, all that
// can be tested is that a loop does without.
func hasRing(t *testing.T) bool {
	t.Helper()
	r, err := newRing()
	if err == nil {
		r.close()
		return true
	}
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, errOldRing) {
		t.Fatal(err)
	}
	if name := loopByHand(t).waiter.name(); name != "epoll" {
		t.Fatalf("the loop uses %s: %v", name, err)
	}
	return false
}

func newTestRing(t *testing.T) *ring {
	t.Helper()
	r, err := newRing()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

// pair is two ends of a stream: what is sent on ours arrives at theirs.
func pair(t *testing.T) (ours, theirs int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[0]) })
	return fds[0], fds[1]
}

func TestRing_EachSendHasItsResult(t *testing.T) {
	if !hasRing(t) {
		return
	}
	r := newTestRing(t)
	var results [ringSends]int32
	// More rounds than the queues are long, of lengths that do not divide them.
	for round := range 3 * ringSends {
		n := 1 + round%ringSends
		var theirs []int
		for i := range n {
			ours, their := pair(t)
			theirs = append(theirs, their)
			r.add(int32(ours), fmt.Appendf(nil, "%d of %d", i, n))
		}
		r.submit(&results)
		for i, fd := range theirs {
			want := fmt.Sprintf("%d of %d", i, n)
			b := make([]byte, 64)
			got, err := unix.Read(fd, b)
			if err != nil || string(b[:got]) != want || int(results[i]) != len(want) {
				t.Fatalf("round %d, socket %d got %q (%v), result %d; want %q", round, i, b[:max(got, 0)], err, results[i], want)
			}
			_ = unix.Close(fd)
		}
	}
}

func TestRing_AFailureIsOfItsSendAlone(t *testing.T) {
	if !hasRing(t) {
		return
	}
	r := newTestRing(t)
	left, their := pair(t)
	_ = unix.Close(their)
	full, unread := pair(t)
	defer func() { _ = unix.Close(unread) }()
	for {
		if _, err := unix.Write(full, make([]byte, 64<<10)); err != nil {
			break
		}
	}
	fine, reads := pair(t)
	defer func() { _ = unix.Close(reads) }()
	partly, some := pair(t)
	defer func() { _ = unix.Close(some) }()
	long := make([]byte, 16<<20)

	r.add(int32(left), []byte("x"))
	r.add(int32(full), []byte("x"))
	r.add(-1, []byte("x"))
	r.add(int32(partly), long)
	r.add(int32(fine), []byte("x"))
	var results [ringSends]int32
	r.submit(&results)
	for i, want := range []unix.Errno{unix.EPIPE, unix.EAGAIN, unix.EBADF} {
		if got := unix.Errno(-results[i]); got != want {
			t.Errorf("send %d: %v, want %v", i, got, want)
		}
	}
	if n := int(results[3]); n <= 0 || n >= len(long) {
		t.Errorf("of %d bytes that do not fit, %d were sent", len(long), n)
	}
	if results[4] != 1 {
		t.Errorf("the last result is %d", results[4])
	}
}

// Where the kernel refuses the system call, nothing is sent later either.
func TestRing_WhatIsNotTried_IsSaidToBeSo(t *testing.T) {
	if !hasRing(t) {
		return
	}
	r := newTestRing(t)
	ours, their := pair(t)
	defer func() { _ = unix.Close(their) }()
	var results [ringSends]int32
	fd := r.fd
	r.fd = -1
	for range 3 {
		r.add(int32(ours), []byte("lost"))
	}
	r.submit(&results)
	r.fd = fd
	for i := range 3 {
		if unix.Errno(-results[i]) != errNotSent {
			t.Errorf("result %d: %d", i, results[i])
		}
	}
	r.add(int32(ours), []byte("sent"))
	r.submit(&results)
	b := make([]byte, 64)
	n, err := unix.Read(their, b)
	if err != nil || string(b[:n]) != "sent" || results[0] != 4 {
		t.Errorf("read %q, %v, result %d", b[:max(n, 0)], err, results[0])
	}
}

// crowdByHand is sockets of a loop that is turned by hand, subscribed to news.
func crowdByHand(t *testing.T, n int) *twoApps {
	t.Helper()
	two := newTwoApps(t, n)
	for _, client := range two.crowd {
		skip(t, client, "subscription_succeeded")
	}
	return two
}

// untilWritten turns the loop until nothing waits.
func (two *twoApps) untilWritten() {
	two.Helper()
	two.until("all is written", func() bool {
		return two.l.mail.empty() && two.l.busy.len() == 0 && two.l.dirty.len() == 0
	})
}

// rung is how many sends the loop's ring has done.
func (two *twoApps) rung() uint32 { return *two.l.waiter.(*epoll).ring.done.head }

func TestTogether_AnEventForMany_TakesOneSystemCallForMany(t *testing.T) {
	if !hasRing(t) {
		return
	}
	two := crowdByHand(t, 2*ringSends+1)
	if err := two.publish(two.noisy); err != nil {
		t.Fatal(err)
	}
	two.untilWritten()
	if got := two.rung(); got < 2*ringSends {
		t.Errorf("%d of %d sends went through the ring", got, len(two.crowd))
	}
	for _, client := range two.crowd {
		skip(t, client, `"event":"e"`)
	}
}

func TestTogether_TwoSockets_AreWrittenEachOnItsOwn(t *testing.T) {
	if !hasRing(t) {
		return
	}
	two := crowdByHand(t, leastTogether-1)
	before := two.rung()
	if err := two.publish(two.noisy); err != nil {
		t.Fatal(err)
	}
	two.untilWritten()
	for _, client := range two.crowd {
		skip(t, client, `"event":"e"`)
	}
	if got := two.rung(); got != before {
		t.Errorf("%d sends went through the ring", got-before)
	}
}

// Among many, one has gone, one does not read, and one has more waiting than a
// loop can copy: each gets what is its own.
func TestTogether_OneThatFailsOrIsSlow_LeavesTheOthersAlone(t *testing.T) {
	const events = 400
	two := crowdByHand(t, 10)
	gone, slow, rest := two.crowd[3], two.crowd[5], append(append(append([]net.Conn(nil), two.crowd[:3]...), two.crowd[4]), two.crowd[6:]...)
	if err := gone.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	type arrived struct {
		who int
		err error
	}
	all := make(chan arrived)
	read := func(who int, client net.Conn) {
		for n := range events {
			f, err := readFrame(client)
			if want := fmt.Sprintf(`"n":%d,`, n); err == nil && !bytes.Contains(f.Payload, []byte(want)) {
				err = fmt.Errorf("got %.80s, want %s", f.Payload, want)
			}
			if err != nil {
				all <- arrived{who, err}
				return
			}
		}
		all <- arrived{who, nil}
	}
	for i, client := range rest {
		go read(i, client)
	}
	for n := range events {
		frame := channels.NewFrame(fmt.Appendf(nil, `{"n":%d,"pad":%q}`, n, bytes.Repeat([]byte("x"), 20*(n%100))))
		for i := range len(two.crowd) {
			if c := two.l.slots[i].conn; c != nil {
				c.Send(frame)
			}
		}
		if n%7 == 0 {
			two.l.turn(0)
		}
	}
	go read(len(rest), slow)
	for left := len(rest) + 1; left > 0; {
		select {
		case got := <-all:
			left--
			if got.err != nil {
				t.Errorf("client %d: %v", got.who, got.err)
			}
		default:
			two.l.turn(time.Millisecond)
		}
	}
	if _, err := gone.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Error("the socket that has gone was read")
	}
}

// A reader that takes no more is written again when it does, also if one of the
// sends for many had found it so.
func TestTogether_OneThatTakesNoMore_IsWrittenWhenItReads(t *testing.T) {
	if !hasRing(t) {
		return
	}
	two := crowdByHand(t, 5)
	slow := two.l.slots[2].conn
	for _, i := range []int{0, 1, 3, 4} {
		go discard(two.crowd[i])
	}
	frame, frames := channels.NewFrame(bytes.Repeat([]byte("x"), 30_000)), 0
	for ; !slow.blocked; frames++ {
		if frames > 10_000 {
			t.Fatal("300 MB are written and nobody has read them")
		}
		for i := range two.crowd {
			two.l.slots[i].conn.Send(frame)
		}
		two.untilWritten()
		if slow.queue.bytes > 0 && !slow.blocked {
			t.Fatalf("%d bytes wait for nothing", slow.queue.bytes)
		}
	}
	if slow.queue.flight != 0 {
		t.Errorf("%d bytes are in flight", slow.queue.flight)
	}
	end := make(chan error)
	go func() {
		var err error
		for n := 0; n < frames && err == nil; n++ {
			_ = two.crowd[2].SetReadDeadline(time.Now().Add(patience))
			_, err = readFrame(two.crowd[2])
		}
		end <- err
	}()
	for {
		select {
		case err := <-end:
			if err != nil {
				t.Error(err)
			}
			return
		default:
			two.l.turn(time.Millisecond)
		}
	}
}

func TestTogether_ASendThatFails(t *testing.T) {
	for _, test := range []struct {
		errno   unix.Errno
		arrives bool
	}{
		{unix.EAGAIN, true},
		{unix.EINTR, true},
		{errNotSent, true},
		{unix.EPIPE, false},
	} {
		t.Run(unix.ErrnoName(test.errno), func(t *testing.T) {
			two := newTwoApps(t, 1)
			c, p := two.l.slots[0].conn, two.l.waiter.(*epoll)
			skip(t, two.crowd[0], "subscription_succeeded")
			frame := channels.NewFrame([]byte("hello"))
			c.queue.push(frame, &two.l.frames)
			c.queue.depart(c.queue.bytes)
			p.sent(c, c.queue.bytes, -int32(test.errno))
			if got := c.state != connDead; got != test.arrives {
				t.Fatalf("the connection lives: %v", got)
			}
			if !test.arrives {
				return
			}
			two.until("it is written", func() bool { return c.queue.bytes == 0 })
			skip(t, two.crowd[0], "hello")
		})
	}
}
