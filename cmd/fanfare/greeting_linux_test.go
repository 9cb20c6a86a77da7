package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudoterminal; what is written to slave is read from
// master.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

func TestServe_OnATerminal_Greets(t *testing.T) {
	master, slave := terminal(t)
	f := command(t, nil, "serve", "--listen=127.0.0.1:0", "--metrics-listen=")
	f.Stdout = slave
	f.launch()
	m, _ := f.line(0, `msg=serving .*listen=(\S+)`)
	end := time.AfterFunc(patience, func() { _ = f.Process.Kill(); _ = slave.Close() })
	defer end.Stop()
	var seen strings.Builder
	for b := make([]byte, 4096); !strings.Contains(seen.String(), "A chat to try"); {
		n, err := master.Read(b)
		seen.Write(b[:n])
		if err != nil {
			t.Fatalf("%v after %q", err, seen.String())
		}
	}
	for _, want := range []string{"clients and the API on http://" + m[1], "new Pusher(", "trigger --channel", "auth_signature="} {
		if !strings.Contains(seen.String(), want) {
			t.Errorf("no %s in\n%s", want, seen.String())
		}
	}
}
