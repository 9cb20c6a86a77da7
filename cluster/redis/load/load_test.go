package load

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"fanfare/internal/testkit/deadline"
	"fanfare/internal/testkit/freeport"
)

// startRedis starts a redis-server without data and returns its address.
func startRedis(t *testing.T) string {
	t.Helper()
	port := strconv.Itoa(freeport.Find(t))
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatalf("start redis-server (Debian package redis-server): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return net.JoinHostPort("127.0.0.1", port)
}

// listening waits until somebody listens.
func listening(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(deadline.Long); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestRun_EachEventIsPushedToEveryConnection(t *testing.T) {
	address := startRedis(t)
	listening(t, address)
	for _, batch := range []int{1, 20} {
		ctx, cancel := context.WithCancel(t.Context())
		err := Run(ctx, Config{Address: address, Prefix: fmt.Sprintf("load%d", batch), Nodes: 2, Channels: 10, Batch: batch, Size: 50}, func(l *Load) {
			go func() {
				defer cancel()
				for end := time.Now().Add(deadline.Long); l.Events() < 500 && time.Now().Before(end); {
					time.Sleep(time.Millisecond)
				}
				events := l.Events()
				for end := time.Now().Add(deadline.Long); l.Pushed() < 2*events && time.Now().Before(end); {
					time.Sleep(time.Millisecond)
				}
				if pushed := l.Pushed(); events < 500 || pushed < 2*events {
					t.Errorf("batches of %d: %d events, pushed %d times", batch, events, pushed)
				}
			}()
		})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRun_NobodyThere_IsAnError(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := Run(ctx, Config{Address: "127.0.0.1:1", Prefix: "load", Nodes: 1, Channels: 1, Batch: 1}, func(*Load) { t.Error("it has begun") })
	if err == nil {
		t.Error("no error")
	}
}

func TestRun_NothingToWrite_IsAnError(t *testing.T) {
	for _, c := range []Config{{Nodes: 0, Channels: 1, Batch: 1}, {Nodes: 1, Channels: 0, Batch: 1}, {Nodes: 1, Channels: 1, Batch: 0}} {
		if err := Run(t.Context(), c, nil); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}
