package acme

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// sharing is a storage folder and the nodes that share it.
type sharing struct {
	t      *testing.T
	folder folder
}

func share(t *testing.T) *sharing {
	t.Helper()
	f, err := openFolder(t.TempDir(), directory)
	if err != nil {
		t.Fatal(err)
	}
	return &sharing{t, f}
}

func (s *sharing) node(name string) *locks {
	return &locks{folder: s.folder, node: name, log: slog.New(slog.DiscardHandler)}
}

// mustTake has a node take the lock.
func (s *sharing) mustTake(l *locks, now time.Time) *lease {
	s.t.Helper()
	held, _, err := l.take(s.t.Context(), now)
	if err != nil {
		s.t.Fatalf("%s does not get the lock: %v", l.node, err)
	}
	return held
}

// mustWait has a node find that another has the lock.
func (s *sharing) mustWait(l *locks, now time.Time, forNode string) {
	s.t.Helper()
	_, _, err := l.take(s.t.Context(), now)
	var busy *busyError
	if !errors.As(err, &busy) || busy.holder.Node != forNode {
		s.t.Fatalf("%s: %v, want to wait for %s", l.node, err, forNode)
	}
}

// silence has the last file look as if nothing had been written for so long.
func (s *sharing) silence(age time.Duration) {
	s.t.Helper()
	last, err := s.folder.lastLock()
	if err != nil {
		s.t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(s.folder.file(lockPrefix+strconv.Itoa(last)), at, at); err != nil {
		s.t.Fatal(err)
	}
}

// die is the end of a process: nothing shows any more that it lives.
func die(l *lease) {
	l.stop()
	<-l.ended
}

func TestLock_OneNodeHasIt_UntilItGivesItBack(t *testing.T) {
	s, now := share(t), time.Now()
	a, b := s.node("a"), s.node("b")
	for range 2 * locksKept {
		held := s.mustTake(a, now)
		s.mustWait(b, now, "a")
		s.mustWait(a, now, "a")
		held.release()
		held = s.mustTake(b, now)
		s.mustWait(a, now, "b")
		held.release()
	}
	if entries, err := os.ReadDir(string(s.folder)); err != nil || len(entries) > locksKept+1 {
		t.Errorf("%d files are left: %v", len(entries), err)
	}
}

func TestLock_DeadNode_PutAsideWhenBothClocksAgree(t *testing.T) {
	s, now := share(t), time.Now()
	die(s.mustTake(s.node("dead"), now))
	b := s.node("b")
	var log bytes.Buffer
	b.log = slog.New(slog.NewTextHandler(&log, nil))

	s.mustWait(b, now, "dead")
	s.mustWait(b, now.Add(time.Hour), "dead") // by the clock of the storage it has just written
	s.silence(deadAfter + time.Second)
	c := s.node("c")
	s.mustWait(c, now, "dead") // it has looked once
	s.mustWait(c, now.Add(quietTime-time.Second), "dead")
	held := s.mustTake(b, now.Add(time.Hour+quietTime))
	defer held.release()
	s.mustWait(c, now.Add(quietTime+time.Second), "b")

	for _, want := range []string{"waiting for another node", "was removed", fmt.Sprintf(`holder="dead (process %d)"`, os.Getpid())} {
		if n := strings.Count(log.String(), want); n == 0 || want == "waiting for another node" && n != 1 {
			t.Errorf("%q is there %d times in the log:\n%s", want, n, log.String())
		}
	}
}

func TestLock_NodeThatDiedBeforeItHadWritten_PutAside(t *testing.T) {
	s, now := share(t), time.Now()
	if err := os.WriteFile(s.folder.file(lockPrefix+"1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := s.node("b")
	s.mustWait(b, now, "")
	s.silence(deadAfter + time.Second)
	s.mustTake(b, now.Add(quietTime)).release()
}

// A node that shows that it lives keeps the lock, however long it takes.
func TestLock_LiveNode_NotPutAside(t *testing.T) {
	s, now := share(t), time.Now()
	held := s.mustTake(s.node("a"), now)
	die(held) // the test shows that it lives in place of its goroutine
	b := s.node("b")
	for range 10 {
		s.mustWait(b, now, "a")
		held.holder.Beats++
		if err := held.write(); err != nil {
			t.Fatal(err)
		}
		s.silence(deadAfter + time.Second) // the storage's clock has jumped
		now = now.Add(quietTime + time.Second)
	}
}

// A node stood still, and others have gone on since: it hears of it, gives
// nothing back that is theirs, and takes nothing.
func TestLock_NodeThatStoodStill_HasLostIt(t *testing.T) {
	s, now := share(t), time.Now()
	slow := s.mustTake(s.node("slow"), now)
	s.silence(deadAfter + time.Second)
	b := s.node("b")
	s.mustWait(b, now, "slow")
	s.silence(deadAfter + time.Second)
	held := s.mustTake(b, now.Add(quietTime))
	if err := slow.check(); !errors.Is(err, errLost) {
		t.Errorf("the node that stood still: %v", err)
	}
	slow.release()
	s.mustWait(s.node("c"), now, "b")
	held.release()
	for range 2 * locksKept {
		s.mustTake(b, now).release()
	}
	late := s.node("late") // it saw the first file last, before it stood still
	if err := s.folder.claim(2, holder{Node: late.node}); err == nil {
		t.Error("a node that saw the row long ago has the lock")
	}
	s.mustTake(late, now).release()
}

func TestLock_LostWhileHeld_EndsItsContext(t *testing.T) {
	s := share(t)
	held := &lease{folder: s.folder, number: 1, ended: make(chan struct{})}
	if err := os.WriteFile(s.folder.file(lockPrefix+"2"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	beats := make(chan time.Time)
	go held.beat(ctx, stop, beats)
	beats <- time.Now()
	<-held.ended
	if err := context.Cause(ctx); !errors.Is(err, errLost) {
		t.Errorf("the context ends with %v", err)
	}
}

// Of many nodes that see the same dead node one gets the lock.
func TestLock_DeadNode_PutAsideByOneOfMany(t *testing.T) {
	for range 30 {
		s, now := share(t), time.Now()
		die(s.mustTake(s.node("dead"), now))
		s.silence(deadAfter + time.Second)
		nodes := make([]*locks, 8)
		for i := range nodes {
			nodes[i] = s.node(strconv.Itoa(i))
			s.mustWait(nodes[i], now, "dead")
		}
		got := make([]*lease, len(nodes))
		var all sync.WaitGroup
		for i, n := range nodes {
			all.Go(func() {
				held, _, err := n.take(t.Context(), now.Add(quietTime))
				var busy *busyError
				if err != nil && !errors.As(err, &busy) {
					t.Error(err)
				}
				got[i] = held
			})
		}
		all.Wait()
		n := 0
		for _, held := range got {
			if held != nil {
				n++
				defer held.release()
			}
		}
		if n != 1 {
			t.Fatalf("%d nodes have the lock, want one", n)
		}
	}
}
