package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"fanfare/bench/client"

	"golang.org/x/sys/unix"
)

// ServeBare runs the process that Bare measures. It listens on a free port of the
// loopback interface and prints the address, accepts a first connection for orders
// and then one for each socket, prints a line when it has all of them, and writes
// each ordered frame to every socket, until in or the first connection ends.
func ServeBare(in io.Reader, out io.Writer, sockets, threads int) error {
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(0) // the process that started this one has ended
	}()
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	if err := errors.Join(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(listener, 4096)); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	address, err := unix.Getsockname(listener)
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	if _, err := fmt.Fprintf(out, "127.0.0.1:%d\n", address.(*unix.SockaddrInet4).Port); err != nil {
		return err
	}
	fds := make([]int, 1+sockets)
	for i := range fds {
		if fds[i], _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC); err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		if err := unix.SetsockoptInt(fds[i], unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return fmt.Errorf("set TCP_NODELAY: %w", err)
		}
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	return obey(fds[0], fds[1:], threads)
}

// obey writes each frame that orders holds to all sockets.
func obey(orders int, fds []int, threads int) error {
	var frames []chan []byte // to the threads besides this one
	var written sync.WaitGroup
	share := (len(fds) + threads - 1) / threads
	for i := 1; i < threads; i++ {
		mine := fds[min(i*share, len(fds)):min((i+1)*share, len(fds))]
		ch := make(chan []byte)
		frames = append(frames, ch)
		go func() {
			runtime.LockOSThread()
			for frame := range ch {
				writeAll(mine, frame)
				written.Done()
			}
		}()
	}
	buf := make([]byte, client.MaxMessage)
	for {
		if !readFull(orders, buf[:4]) {
			return nil
		}
		n := binary.BigEndian.Uint32(buf)
		if n > client.MaxMessage || !readFull(orders, buf[:n]) {
			return nil
		}
		written.Add(len(frames))
		for _, ch := range frames {
			ch <- buf[:n]
		}
		writeAll(fds[:min(share, len(fds))], buf[:n])
		written.Wait()
	}
}

func readFull(fd int, b []byte) bool {
	for len(b) > 0 {
		n, err := unix.Read(fd, b)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// writeAll is the bare loop. The sockets are blocking, but one event at a time fits
// in their buffers. A reader misses what a failed write did not deliver.
func writeAll(fds []int, b []byte) {
	for _, fd := range fds {
		_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	}
}
