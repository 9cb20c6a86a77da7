package sockets

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A listening socket that another process has too stays in an epoll set when
// its descriptor is closed.
func TestFrontListener_ASocketThatOthersHave_WakesNoLoopAfterTheClose(t *testing.T) {
	_, door, server := behindFront(t, nil)
	listener := door.listener.Load()
	kept, err := duplicate(listener.Listener.(descriptorListener)) // as another process has it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(kept) }()
	var stat unix.Stat_t
	if err := unix.Fstat(kept, &stat); err != nil {
		t.Fatal(err)
	}
	watched := func() (n int) {
		for _, l := range server.loops {
			set, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", l.waiter.(*epoll).fd))
			if err != nil {
				t.Fatal(err)
			}
			n += strings.Count(string(set), fmt.Sprintf(" ino:%x ", stat.Ino))
		}
		return n
	}
	if n := watched(); n != len(server.loops) {
		t.Fatalf("%d of %d loops watch the socket", n, len(server.loops))
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no loop watches the socket", func() bool { return watched() == 0 })
}
