package acme

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"
)

// The lock lets only one node order at a time. It is a sequence of files, lock-1,
// lock-2 and so on, of which the last one is the lock. A node that finds it free,
// or its holder dead, creates the next file, in which only one node can succeed.
// The last file is never removed, so no node removes the lock of another by
// mistake.
const (
	lockPrefix = "lock-"
	locksKept  = 4 // files before the last one, for nodes whose last look is long ago

	beatEvery = 5 * time.Second  // interval at which the holder writes its file
	deadAfter = time.Minute      // without a write, by the clock of the storage
	quietTime = 15 * time.Second // and without a change, by the clock of the waiting node
)

// errLost ends an attempt whose lock another node has taken over, because this
// node had not written its file for deadAfter.
var errLost = errors.New("another node has taken over the order, because this one did not respond for a minute")

// busyError reports that another node has the lock.
type busyError struct{ holder holder }

func (e *busyError) Error() string { return e.holder.String() + " is ordering the certificate" }

// holder is the content of a lock file.
type holder struct {
	Node  string    `json:"node"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
	Owner string    `json:"owner"` // random
	Beats int       `json:"beats"`
	Free  bool      `json:"free"` // it was released
}

func (h holder) String() string {
	if h.Node == "" { // it ended before it had written its file
		return "a node without a name"
	}
	return fmt.Sprintf("%s (process %d)", h.Node, h.PID)
}

// locks takes the lock for one node. It must be used by one goroutine only.
type locks struct {
	folder folder
	node   string
	log    *slog.Logger

	seen     holder    // the holder at the last attempt to take the lock
	seenAt   time.Time // when seen last changed
	seenLast int       // the number of its file
}

// lease is the lock while this node holds it.
type lease struct {
	folder folder
	number int
	holder holder
	stop   context.CancelFunc
	ended  chan struct{}
}

// take takes the lock. The error is a *busyError while another node has it. The
// returned context is derived from ctx and is also done, with the cause errLost,
// when another node takes the lock over.
func (l *locks) take(ctx context.Context, now time.Time) (*lease, context.Context, error) {
	last, err := l.folder.lastLock()
	if err != nil {
		return nil, nil, err
	}
	var dead *holder
	if last > 0 {
		who, err := l.folder.holder(last)
		if err != nil {
			return nil, nil, err
		}
		if !who.Free {
			alive, err := l.alive(last, who, now)
			if err != nil {
				return nil, nil, err
			}
			if alive {
				return nil, nil, &busyError{who}
			}
			dead = &who
		}
	}
	who := holder{Node: l.node, PID: os.Getpid(), Since: now.UTC(), Owner: rand.Text()}
	if err := l.folder.claim(last+1, who); err != nil {
		return nil, nil, err
	}
	if dead != nil {
		l.log.Warn("the lock of a dead node was removed", slog.String("holder", dead.String()), slog.Time("since", dead.Since))
	}
	l.folder.removeLocks(last - locksKept)
	held, stop := context.WithCancelCause(ctx)
	le := &lease{folder: l.folder, number: last + 1, holder: who, stop: func() { stop(nil) }, ended: make(chan struct{})}
	go func() {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		le.beat(held, stop, ticker.C)
	}()
	return le, held, nil
}

// alive reports whether the holder of the last file may still run. It is dead only
// by two clocks: that of the storage, which all nodes share but which may jump, and
// that of this node, by which the file has not changed.
func (l *locks) alive(last int, who holder, now time.Time) (bool, error) {
	if last != l.seenLast || who != l.seen {
		if last != l.seenLast {
			l.log.Info("waiting for another node, which is ordering the certificate", slog.String("holder", who.String()), slog.Time("since", who.Since))
		}
		l.seen, l.seenLast, l.seenAt = who, last, now
	}
	if now.Sub(l.seenAt) < quietTime {
		return true, nil
	}
	age, err := l.folder.age(lockPrefix + strconv.Itoa(last))
	return age < deadAfter, err
}

// beat writes the lock file at every tick of beats until ctx is done. It calls
// stop when another node has taken the lock over.
func (l *lease) beat(ctx context.Context, stop context.CancelCauseFunc, beats <-chan time.Time) {
	defer close(l.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-beats:
		}
		if err := l.check(); errors.Is(err, errLost) {
			stop(err)
			return
		}
		l.holder.Beats++
		_ = l.write() // the next write may succeed; other nodes wait for several
	}
}

// check returns nil while this lease has the lock, and errLost after that.
func (l *lease) check() error {
	if last, err := l.folder.lastLock(); err != nil {
		return err
	} else if last != l.number {
		return errLost
	}
	return nil
}

// release releases the lock.
func (l *lease) release() {
	l.stop()
	<-l.ended
	l.holder.Free = true
	_ = l.write() // without it, the lock is taken over after deadAfter
}

// write writes the holder to the lease's file. The file no longer exists if other
// nodes have taken the lock over several times.
func (l *lease) write() error {
	file, err := os.OpenFile(l.folder.file(lockPrefix+strconv.Itoa(l.number)), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return l.holder.writeTo(file)
}

// writeTo writes and closes the file. It never empties a file that has content.
func (h holder) writeTo(file *os.File) error {
	text, err := json.Marshal(h)
	if err == nil {
		_, err = file.WriteAt(text, 0)
	}
	if err == nil {
		err = file.Truncate(int64(len(text)))
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// claim creates the file with a number. Only one of several nodes succeeds.
func (f folder) claim(number int, who holder) error {
	name := f.file(lockPrefix + strconv.Itoa(number))
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return f.busy(number)
	}
	if err != nil {
		return err
	}
	err = who.writeTo(file)
	last, errOfList := f.lastLock()
	if err := errors.Join(err, errOfList); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	if last == number {
		return nil
	}
	// There are later files, and this one had been removed before.
	if err := os.Remove(name); err != nil {
		return err
	}
	return f.busy(last)
}

// busy returns the error for a lock file that belongs to another node.
func (f folder) busy(number int) error {
	other, err := f.holder(number)
	if err != nil {
		return err
	}
	return &busyError{other}
}

// lastLock returns the number of the last lock file; 0 if there is none.
func (f folder) lastLock() (last int, err error) {
	entries, err := os.ReadDir(string(f))
	for _, e := range entries {
		if number, ok := lockNumber(e.Name()); ok {
			last = max(last, number)
		}
	}
	return last, err
}

// removeLocks removes the old lock files up to a number.
func (f folder) removeLocks(upTo int) {
	entries, _ := os.ReadDir(string(f)) // files that remain are removed the next time
	for _, e := range entries {
		if number, ok := lockNumber(e.Name()); ok && number <= upTo {
			_ = os.Remove(f.file(e.Name()))
		}
	}
}

func lockNumber(name string) (int, bool) {
	text, ok := strings.CutPrefix(name, lockPrefix)
	number, err := strconv.Atoi(text)
	return number, ok && err == nil && number > 0
}

// holder reads a lock file. The result is empty if the file is gone, or not
// completely written yet.
func (f folder) holder(number int) (who holder, err error) {
	text, err := os.ReadFile(f.file(lockPrefix + strconv.Itoa(number)))
	if errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
		return holder{}, nil
	}
	if err == nil && json.Unmarshal(text, &who) != nil {
		who = holder{}
	}
	return who, err
}

// age returns the time since a file was written, by the clock of the storage. A
// new file shows the time of that clock.
func (f folder) age(name string) (time.Duration, error) {
	probe, err := os.CreateTemp(string(f), ".now-*")
	if err != nil {
		return 0, err
	}
	now, err := probe.Stat()
	if err := errors.Join(err, probe.Close(), os.Remove(probe.Name())); err != nil {
		return 0, err
	}
	written, err := os.Stat(f.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return now.ModTime().Sub(written.ModTime()), nil
}
