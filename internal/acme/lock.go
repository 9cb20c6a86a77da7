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

// The lock keeps other nodes from ordering while one does. It is a row of files,
// lock-1, lock-2 and so on, and the last one counts. Who finds it free, or its
// holder dead, makes the next; that can succeed for one node only, whoever else
// saw the same. The last file is never removed, so nobody removes the lock of
// another node by mistake.
const (
	lockPrefix = "lock-"
	locksKept  = 4 // files before the last one, for nodes that saw the row long ago

	beatEvery = 5 * time.Second  // the holder shows that it lives
	deadAfter = time.Minute      // without that, by the clock of the storage
	quietTime = 15 * time.Second // and by the clock of the node that waits
)

// errLost is why an attempt ends whose lock another node has put aside: this
// one had not shown for deadAfter that it lives.
var errLost = errors.New("another node has taken over the order, because this one did not respond for a minute")

// busyError says that another node has the lock.
type busyError struct{ holder holder }

func (e *busyError) Error() string { return e.holder.String() + " orders the certificate" }

// holder is what a file of the lock holds.
type holder struct {
	Node  string    `json:"node"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
	Owner string    `json:"owner"` // random
	Beats int       `json:"beats"`
	Free  bool      `json:"free"` // it was given back
}

func (h holder) String() string {
	if h.Node == "" { // it died before it had written
		return "a node without a name"
	}
	return fmt.Sprintf("%s (process %d)", h.Node, h.PID)
}

// locks takes the lock for one node. It is for one goroutine.
type locks struct {
	folder folder
	node   string
	log    *slog.Logger

	seen     holder    // who had the lock at the last attempt to take it
	seenAt   time.Time // when seen was first as it is
	seenLast int       // the number of its file
}

// lease is a lock that is held.
type lease struct {
	folder folder
	number int
	holder holder
	stop   context.CancelFunc
	ended  chan struct{}
}

// take takes the lock. The error is a *busyError while another node has it. The
// lease's context is ctx until the lock is lost.
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

// alive reports whether the holder of the last file may live. Both clocks have to
// agree that it does not: that of the storage, which all nodes share and which
// may jump, and the node's own, by which nothing has changed.
func (l *locks) alive(last int, who holder, now time.Time) (bool, error) {
	if last != l.seenLast || who != l.seen {
		if last != l.seenLast {
			l.log.Info("waiting for another node, which orders the certificate", slog.String("holder", who.String()), slog.Time("since", who.Since))
		}
		l.seen, l.seenLast, l.seenAt = who, last, now
	}
	if now.Sub(l.seenAt) < quietTime {
		return true, nil
	}
	age, err := l.folder.age(lockPrefix + strconv.Itoa(last))
	return age < deadAfter, err
}

// beat shows that the holder lives until the lease ends. It ends the lease when
// another node has put the lock aside.
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
		_ = l.write() // the next may succeed; others wait for several
	}
}

// check is nil while the lock is this lease's.
func (l *lease) check() error {
	if last, err := l.folder.lastLock(); err != nil {
		return err
	} else if last != l.number {
		return errLost
	}
	return nil
}

// release gives the lock back.
func (l *lease) release() {
	l.stop()
	<-l.ended
	l.holder.Free = true
	_ = l.write() // it is dead soon otherwise
}

// write replaces what the lock's own file holds. There is none any more when
// others have put it aside long ago.
func (l *lease) write() error {
	file, err := os.OpenFile(l.folder.file(lockPrefix+strconv.Itoa(l.number)), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return l.holder.writeTo(file)
}

// writeTo writes and closes the file. It is never empty once it was written.
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

// claim makes the file of a number. Of several nodes one can.
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
	// The row has gone on, and this part of it was removed before.
	if err := os.Remove(name); err != nil {
		return err
	}
	return f.busy(last)
}

// busy is the error while the file of a number is another node's.
func (f folder) busy(number int) error {
	other, err := f.holder(number)
	if err != nil {
		return err
	}
	return &busyError{other}
}

// lastLock is the number of the file that counts, 0 if there is none.
func (f folder) lastLock() (last int, err error) {
	entries, err := os.ReadDir(string(f))
	for _, e := range entries {
		if number, ok := lockNumber(e.Name()); ok {
			last = max(last, number)
		}
	}
	return last, err
}

// removeLocks removes the files up to a number, which count no more.
func (f folder) removeLocks(upTo int) {
	entries, _ := os.ReadDir(string(f)) // those that stay are removed the next time
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

// holder reads who made a file. One that is not whole yet has no name.
func (f folder) holder(number int) (who holder, err error) {
	text, err := os.ReadFile(f.file(lockPrefix + strconv.Itoa(number)))
	if errors.Is(err, fs.ErrNotExist) { // the row has gone on meanwhile
		return holder{}, nil
	}
	if err == nil && json.Unmarshal(text, &who) != nil {
		who = holder{}
	}
	return who, err
}

// age is how long ago a file was written, by the clock of the storage: that of a
// file that is written now.
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
