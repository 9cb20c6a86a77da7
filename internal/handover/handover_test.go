//go:build unix

package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
)

// role, set in the environment, makes this test binary a successor of that kind.
const role = "TEST_HANDOVER_ROLE"

func TestMain(m *testing.M) {
	if r := os.Getenv(role); r != "" {
		if err := successor(r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func successor(role string) error {
	i, err := Inherited()
	if err != nil || i == nil {
		return fmt.Errorf("inherited %v, %w", i, err)
	}
	if os.Getenv(Variable) != "" {
		return i.Failed(errors.New("the variable is still there"))
	}
	defer i.Rest()
	ctx, cancel := context.WithTimeout(context.Background(), deadline.Long)
	defer cancel()
	switch role {
	case "silent":
		return nil
	case "fails":
		return i.Failed(errors.New("port taken\nby somebody: " + strings.Repeat("x", 2*longestLine)))
	case "rambles":
		return i.lines.say("hello")
	case "hangs":
		<-ctx.Done()
		return nil
	case "fails late":
		if err := i.Prepared(ctx); err != nil {
			return err
		}
		return i.Failed(errors.New("no disk"))
	}
	l, own := i.Take("clients")
	if other, _ := i.Take("clients"); l == nil || other != nil {
		return i.Failed(errors.New("the listener is not there once"))
	}
	_, tcp := l.(*net.TCPListener)
	if none, _ := i.Take("metrics"); none != nil || own == tcp {
		return i.Failed(fmt.Errorf("metrics %v, own %v", none, own))
	}
	if at := i.At("clients"); at != "where it was told to" {
		return i.Failed(fmt.Errorf("it was configured to listen on %q", at))
	}
	if err := i.Prepared(ctx); err != nil {
		return err
	}
	i.Serving()
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = io.WriteString(conn, "from the successor")
	return errors.Join(err, conn.Close())
}

func begin(t *testing.T, kind string, l net.Listener, own bool) *Successor {
	t.Helper()
	s, err := Start(os.Args[0], os.Args[:1], append(os.Environ(), role+"="+kind, Variable+"=[]"), []Passed{{Name: "clients", Listener: l, At: "where it was told to", Own: own}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Abort)
	return s
}

func listen(t *testing.T, network, at string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline.Long)
	t.Cleanup(cancel)
	return ctx
}

// The kernel keeps who connects while neither process accepts.
func TestHandover_ConnectionBetweenTheTwo_IsAnsweredByTheSecond(t *testing.T) {
	for network, at := range map[string]string{"tcp": "127.0.0.1:0", "unix": t.TempDir() + "/s"} {
		t.Run(network, func(t *testing.T) {
			l := listen(t, network, at)
			s := begin(t, "serves", l, network == "unix")
			if err := s.Prepared(patient(t)); err != nil {
				t.Fatal(err)
			}
			if flags := statusFlags(t, l); flags&syscall.O_NONBLOCK == 0 {
				t.Error("the listener blocks since it was passed on")
			}
			if u, ok := l.(*net.UnixListener); ok {
				u.SetUnlinkOnClose(false)
			}
			_ = l.Close()
			conn, err := net.Dial(network, l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := s.Go(patient(t)); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(deadline.Long))
			if got, err := io.ReadAll(conn); err != nil || string(got) != "from the successor" {
				t.Errorf("got %q, %v", got, err)
			}
			<-s.ended
			if code := s.state.ExitCode(); code != 0 {
				t.Errorf("the successor ends with %d", code)
			}
		})
	}
}

func statusFlags(t *testing.T, l net.Listener) (flags int) {
	t.Helper()
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		n, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
		flags = int(n)
	})
	return flags
}

func TestHandover_OfASuccessorThatCannotServe_SaysWhy(t *testing.T) {
	l := listen(t, "tcp", "127.0.0.1:0")
	for kind, want := range map[string]string{
		"silent":  "ended (exit status 0); its log says why",
		"fails":   "port taken by somebody: xxx",
		"rambles": `sent "hello" instead of "prepared"`,
	} {
		t.Run(kind, func(t *testing.T) {
			if err := begin(t, kind, l, false).Prepared(patient(t)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
	t.Run("fails late", func(t *testing.T) {
		s := begin(t, "fails late", l, false)
		if err := s.Prepared(patient(t)); err != nil {
			t.Fatal(err)
		}
		if err := s.Go(patient(t)); err == nil || err.Error() != "no disk" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("hangs", func(t *testing.T) {
		s := begin(t, "hangs", l, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Prepared(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		s.Abort()
		if s.state.Exited() {
			t.Error("it ended by itself")
		}
	})
	t.Run("is not there", func(t *testing.T) {
		if _, err := Start("/nowhere", os.Args[:1], nil, nil); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

// A process that was not started as a successor inherits nothing, and one that
// finds nonsense says so.
func TestInherited_WithoutAPredecessor(t *testing.T) {
	if i, err := Inherited(); i != nil || err != nil {
		t.Errorf("inherited %v, %v", i, err)
	}
	var none *Inheritance
	if l, _ := none.Take("clients"); l != nil || none.At("clients") != "" || none.Failed(io.EOF) != io.EOF {
		t.Error("nothing is something")
	}
	none.Rest()
	t.Setenv(Variable, "nonsense")
	if _, err := Inherited(); err == nil || !strings.Contains(err.Error(), Variable) {
		t.Errorf("got %v", err)
	}
}
