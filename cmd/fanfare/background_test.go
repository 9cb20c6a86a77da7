package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// background is a command that runs until it is told to end.
type background struct {
	t        *testing.T
	out, err *notes
	stop     context.CancelFunc
	ended    chan error
}

func inBackground(t *testing.T, args ...string) *background {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	b := &background{t: t, out: &notes{}, err: &notes{}, stop: stop, ended: make(chan error, 1)}
	cmd := newCommand()
	cmd.SetOut(b.out)
	cmd.SetErr(b.err)
	cmd.SetArgs(args)
	go func() { b.ended <- cmd.ExecuteContext(ctx) }()
	t.Cleanup(stop)
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
		case err := <-b.ended:
			b.ended <- err
			if strings.Contains(b.out.String()+b.err.String(), words) {
				return
			}
			b.t.Fatalf("it ended with %v before it printed %s:\n%s%s", err, words, b.out, b.err)
		case <-deadline:
			b.t.Fatalf("no %s in\n%s%s", words, b.out, b.err)
		}
	}
}

// wait waits for the end that the command comes to by itself.
func (b *background) wait() error {
	b.t.Helper()
	select {
	case err := <-b.ended:
		return err
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
