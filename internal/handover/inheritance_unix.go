//go:build unix

package handover

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"
)

// Inheritance is what a process received from the process that started it as its
// successor. Take, At, Rest and Failed may be called on nil, which has nothing.
type Inheritance struct {
	passed []Passed
	lines  *lines
}

// Inherited returns what was passed to this process; nil if nothing was. It
// removes Variable from the environment.
func Inherited() (*Inheritance, error) {
	text, ok := os.LookupEnv(Variable)
	if !ok {
		return nil, nil
	}
	if err := os.Unsetenv(Variable); err != nil {
		return nil, err
	}
	var list []inherited
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("%s: %w", Variable, err)
	}
	out, in := take(firstPassed, "to the predecessor"), take(firstPassed+1, "from the predecessor")
	if out == nil || in == nil {
		return nil, fmt.Errorf("%s is set, but no pipes were passed", Variable)
	}
	i := &Inheritance{lines: newLines(in, out)}
	for n, it := range list {
		f := take(firstPassed+2+n, it.Name)
		if f == nil {
			return nil, i.Failed(fmt.Errorf("%s names %d listeners, but fewer were passed", Variable, len(list)))
		}
		l, err := net.FileListener(f) // of a duplicate
		_ = f.Close()
		if err != nil {
			return nil, i.Failed(fmt.Errorf("take over the listener of %s: %w", it.Name, err))
		}
		i.passed = append(i.passed, Passed{Name: it.Name, Listener: l, At: it.At, Own: it.Own})
	}
	return i, nil
}

// take returns a descriptor as a file that no child process inherits; nil if it is
// not open.
func take(fd int, name string) *os.File {
	if syscall.SetNonblock(fd, true) != nil {
		return nil
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}

// Take returns the listener of that name, and whether this process must remove
// the file of its Unix socket. It returns nil if none was passed, or if it was
// taken before.
func (i *Inheritance) Take(name string) (l net.Listener, own bool) {
	if i == nil {
		return nil, false
	}
	for n := range i.passed {
		if p := &i.passed[n]; p.Name == name && p.Listener != nil {
			l, p.Listener = p.Listener, nil
			return l, p.Own
		}
	}
	return nil, false
}

// At returns the address of the listener of that name in the configuration of the
// predecessor; "" if none was passed.
func (i *Inheritance) At(name string) string {
	if i == nil {
		return ""
	}
	for _, p := range i.passed {
		if p.Name == name {
			return p.At
		}
	}
	return ""
}

// Rest closes the listeners that were not taken.
func (i *Inheritance) Rest() {
	if i == nil {
		return
	}
	for _, p := range i.passed {
		if p.Listener != nil {
			_ = p.Listener.Close()
		}
	}
}

// Prepared informs the predecessor that this process is ready, and waits until the
// predecessor no longer accepts.
func (i *Inheritance) Prepared(ctx context.Context) error {
	if err := i.lines.say(linePrepared); err != nil {
		return fmt.Errorf("the old process is gone: %w", err)
	}
	if err := i.lines.expect(ctx, lineGo); err != nil {
		return fmt.Errorf("the old process did not give the signal to serve: %w", err)
	}
	return nil
}

// Serving informs the predecessor that this process accepts connections.
func (i *Inheritance) Serving() {
	_ = i.lines.say(lineServing) // a predecessor that has ended does not need it
	i.lines.close()
}

// Failed informs the predecessor why this process does not take over, and returns
// that reason.
func (i *Inheritance) Failed(reason error) error {
	if i != nil && reason != nil {
		_ = i.lines.say(failedPrefix + reason.Error())
	}
	return reason
}
