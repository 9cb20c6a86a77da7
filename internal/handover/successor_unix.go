//go:build unix

package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// firstPassed is the descriptor of the first of two pipes. The listeners follow.
const firstPassed = 3

// Successor is a process that was started to take over. The caller must call
// Abort or Release in the end.
type Successor struct {
	// PID is its process id.
	PID   int
	lines *lines
	ended chan struct{} // closed when the process has ended
	state *os.ProcessState
	proc  *os.Process
}

// inherited is one entry of Variable.
type inherited struct {
	Name string `json:"name"`
	At   string `json:"at,omitempty"`
	Own  bool   `json:"own,omitempty"`
}

// Start starts the program at path with the arguments args, the environment env,
// and duplicates of the listeners. It does not wait for the process.
func Start(path string, args, env []string, pass []Passed) (*Successor, error) {
	var theirs []*os.File // descriptors of the new process from firstPassed on
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
	}()
	hear, say, err := os.Pipe() // lines of the new process
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	theirs = append(theirs, say)
	read, write, err := os.Pipe() // lines to the new process
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a pipe: %w", err), hear.Close())
	}
	theirs = append(theirs, read)
	l := newLines(hear, write)

	var list []inherited
	for _, p := range pass {
		f, err := duplicate(p.Listener)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("pass on the listener of %s: %w", p.Name, err)
		}
		theirs = append(theirs, f)
		list = append(list, inherited{p.Name, p.At, p.Own})
	}
	text, err := json.Marshal(list)
	if err != nil {
		l.close()
		return nil, err
	}
	env = slices.DeleteFunc(slices.Clone(env), func(s string) bool { return strings.HasPrefix(s, Variable+"=") })
	proc, err := os.StartProcess(path, args, &os.ProcAttr{
		Env:   append(env, Variable+"="+string(text)),
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, theirs...),
	})
	if err != nil {
		l.close()
		return nil, fmt.Errorf("start the new process: %w", err)
	}
	s := &Successor{PID: proc.Pid, lines: l, ended: make(chan struct{}), proc: proc}
	go func() { // ends when either process ends
		defer close(s.ended)
		s.state, _ = proc.Wait()
	}()
	return s, nil
}

// duplicate returns another descriptor of a listener. Both share their status
// flags, so the listener stays non-blocking.
func duplicate(l net.Listener) (*os.File, error) {
	of, ok := l.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("%T has no descriptor", l)
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	err = raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, dupErr); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), ""), nil
}

// Prepared waits until the process is ready to take over. The error says why it is
// not.
func (s *Successor) Prepared(ctx context.Context) error { return s.wait(ctx, linePrepared) }

// Go informs the process that this one no longer accepts, and waits until it
// serves.
func (s *Successor) Go(ctx context.Context) error {
	if err := s.lines.say(lineGo); err != nil {
		return fmt.Errorf("tell the new process to serve: %w", err)
	}
	return s.wait(ctx, lineServing)
}

// wait is expect, whose error names the exit status of a process that has ended.
func (s *Successor) wait(ctx context.Context, line string) error {
	err := s.lines.expect(ctx, line)
	if !errors.Is(err, errSilent) {
		return err
	}
	select {
	case <-s.ended:
		if s.state != nil {
			return fmt.Errorf("the new process ended (%s); its log says why", s.state)
		}
	case <-ctx.Done():
	}
	return err
}

// Abort ends a process that does not take over, and waits until it has ended.
func (s *Successor) Abort() {
	_ = s.proc.Kill()
	<-s.ended
	s.lines.close()
}

// Release closes the pipes to a process that serves. The process continues.
func (s *Successor) Release() { s.lines.close() }
