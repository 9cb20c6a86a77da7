package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"fanfare/config"
)

// startAndEnd starts a server that ends with the test, once its clients have.
func startAndEnd(t *testing.T, change func(*config.Config)) *running {
	t.Helper()
	r := start(t, change)
	t.Cleanup(func() { finish(t, r) })
	return r
}

// finish ends a server, which logs until then.
func finish(t *testing.T, r *running) {
	t.Helper()
	r.stop()
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
}

// background is a command that runs until it is told to end.
type background struct {
	t        *testing.T
	out, err *notes
	stop     context.CancelFunc
	done     chan struct{}
	result   error // once done is closed
}

func inBackground(t *testing.T, args ...string) *background {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	b := &background{t: t, out: &notes{}, err: &notes{}, stop: stop, done: make(chan struct{})}
	cmd := newCommand()
	cmd.SetOut(b.out)
	cmd.SetErr(b.err)
	cmd.SetArgs(args)
	go func() {
		defer close(b.done)
		b.result = cmd.ExecuteContext(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-b.done
	})
	return b
}

// waitFor waits until the words were printed.
func (b *background) waitFor(words string) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !strings.Contains(b.out.String()+b.err.String(), words) {
		select {
		case <-tick.C:
		case <-b.done:
			if strings.Contains(b.out.String()+b.err.String(), words) {
				return
			}
			b.t.Fatalf("it ended with %v before it printed %s:\n%s%s", b.result, words, b.out, b.err)
		case <-deadline:
			b.t.Fatalf("no %s in\n%s%s", words, b.out, b.err)
		}
	}
}

// wait waits for the end that the command comes to by itself.
func (b *background) wait() error {
	b.t.Helper()
	select {
	case <-b.done:
		return b.result
	case <-time.After(patience):
		b.t.Fatalf("it does not end:\n%s%s", b.out, b.err)
		return nil
	}
}

// end ends it as a signal does.
func (b *background) end() error {
	b.t.Helper()
	b.stop()
	return b.wait()
}
