package main

import (
	"fmt"
	"os"
	"regexp"
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

// What happens is shown as it does, payloads and all, with colours for a person
// and without them in a file.
func TestServe_Debug_ShowsWhatHappens(t *testing.T) {
	for name, colour := range map[string]bool{"terminal": true, "file": false} {
		t.Run(name, func(t *testing.T) {
			f := command(t, []string{"TERM=xterm", "NO_COLOR="}, "serve", "--debug", "--listen=127.0.0.1:0", "--metrics-listen=", "--log-level=error")
			log, to := terminal(t)
			if !colour {
				var err error
				if log, to, err = os.Pipe(); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = log.Close() }()
			}
			f.Stderr = to
			if err := f.Start(); err != nil {
				t.Fatal(err)
			}
			end := time.AfterFunc(patience, func() { _ = f.Process.Kill(); _ = to.Close() })
			defer end.Stop()
			t.Cleanup(func() { _ = f.Process.Kill() })
			seen := ""
			until := func(pattern string) []string {
				want := regexp.MustCompile(pattern)
				for b := make([]byte, 4096); ; {
					if m := want.FindStringSubmatch(plain.ReplaceAllString(seen, "")); m != nil {
						return m
					}
					n, err := log.Read(b)
					if seen += string(b[:n]); err != nil {
						t.Fatalf("%v, no %s in\n%s", err, pattern, seen)
					}
				}
			}
			base := "http://" + until(`serving .*listen=(\S+)`)[1]
			c := connect(t, base)
			c.send(`{"event":"pusher:subscribe","data":{"channel":"my-channel"}}`)
			c.expect("subscription_succeeded")
			until(`subscribed .*channel=my-channel`)
			if _, err := execute(t, "trigger", "--url", base, "--channel", "my-channel", "--event", "my-event", "--data", `{"price":42}`); err != nil {
				t.Fatal(err)
			}
			until(`my-event.*\{"price":42\}`)
			if got := plain.MatchString(seen); got != colour {
				t.Errorf("colours %t, want %t:\n%s", got, colour, seen)
			}
		})
	}
}

var plain = regexp.MustCompile("\x1b\\[[0-9;]*m")
