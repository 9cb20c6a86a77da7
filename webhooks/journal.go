package webhooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// journal mirrors the queues in a file. Changes are gathered and written
// together, at most once an interval, since each write waits for the disk; an
// event delivered before its turn is never written at all. Methods of a nil
// journal do nothing.
type journal struct {
	db       *bbolt.DB
	interval time.Duration
	log      *slog.Logger
	wake     chan struct{}

	mu      sync.Mutex
	changes map[slot]event // to be written; without JSON the slot is emptied
	writing int            // changes of the write under way

	unreadable atomic.Bool // broken, for those who read

	// The writing goroutine only.
	failing bool
	broken  error // the file turned out to be damaged; it is not touched again
}

func openJournal(file string, interval time.Duration, log *slog.Logger) (*journal, error) {
	db, err := openFile(file)
	if err != nil {
		return nil, err
	}
	return &journal{db: db, interval: interval, log: log, wake: make(chan struct{}, 1), changes: make(map[slot]event)}, nil
}

// slot is the place of an event in the file.
type slot struct {
	bucket string
	seq    uint64
}

// bucketName is where events of an endpoint are kept: under its app and URL,
// so that they are found again when the list of endpoints has changed. Of
// several endpoints with one URL each has its own.
func bucketName(app string, index int, list []Endpoint) string {
	twin := 0
	for _, e := range list[:index] {
		if e.URL == list[index].URL {
			twin++
		}
	}
	sum := sha256.Sum256(append([]byte(list[index].URL), byte(twin)))
	return app + "/" + hex.EncodeToString(sum[:16])
}

// load calls each for every event of a bucket, in order. A file that turned
// out to be damaged gives none: bbolt may still hold its locks.
func (j *journal) load(bucket string, each func(event)) error {
	if j == nil || j.unreadable.Load() {
		return nil
	}
	return guarded(func() error {
		return j.db.View(func(tx *bbolt.Tx) error {
			if b := tx.Bucket([]byte(bucket)); b != nil {
				return readBucket(b, each)
			}
			return nil
		})
	})
}

// count reads the events of all buckets and counts those of some.
func (j *journal) count(of func(bucket string) bool) (n int, err error) {
	if j == nil {
		return 0, nil
	}
	err = guarded(func() error {
		return j.db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				counted := of(string(name))
				return readBucket(b, func(event) {
					if counted {
						n++
					}
				})
			})
		})
	})
	return n, err
}

func readBucket(b *bbolt.Bucket, each func(event)) error {
	return b.ForEach(func(k, v []byte) error {
		if len(k) != 8 || !json.Valid(v) {
			return errors.New("this is not a store of webhooks")
		}
		each(event{seq: binary.BigEndian.Uint64(k), json: slices.Clone(v)})
		return nil
	})
}

// put has an event written.
func (j *journal) put(bucket string, ev event) {
	if j == nil {
		return
	}
	j.mu.Lock()
	j.changes[slot{bucket, ev.seq}] = ev
	first := len(j.changes) == 1
	j.mu.Unlock()
	if first {
		signal(j.wake)
	}
}

// remove has an event taken out of the file.
func (j *journal) remove(bucket string, seq uint64) {
	if j == nil {
		return
	}
	s := slot{bucket, seq}
	j.mu.Lock()
	if j.changes[s].json != nil {
		delete(j.changes, s) // it was never written
	} else {
		j.changes[s] = event{}
	}
	first := len(j.changes) == 1
	j.mu.Unlock()
	if first {
		signal(j.wake)
	}
}

// unsaved counts changes that are not in the file yet.
func (j *journal) unsaved() int {
	if j == nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.changes) + j.writing
}

// run writes until ctx is done, then once more, and gives the file back.
func (j *journal) run(ctx context.Context) error {
	timer := time.NewTimer(j.interval)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-j.wake:
		}
		timer.Reset(j.interval)
		select {
		case <-ctx.Done():
			continue
		case <-timer.C:
		}
		if err := j.write(); err != nil {
			j.failed(ctx, err)
		} else if j.failing {
			j.failing = false
			j.log.Info("the store of webhooks works again")
		}
	}
	err := j.write()
	if j.broken != nil {
		return err // and bbolt may still hold its locks
	}
	return errors.Join(err, j.db.Close())
}

// failed logs the first of several failures and waits a moment. Nothing is
// lost: the changes are still in memory, bounded as the queues are.
func (j *journal) failed(ctx context.Context, err error) {
	if !j.failing {
		j.failing = true
		j.log.Error("cannot write the store of webhooks; events are kept in memory only", slog.Any("error", err))
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	signal(j.wake)
}

// write puts the gathered changes into the file, as one transaction.
func (j *journal) write() error {
	j.mu.Lock()
	changes := j.changes
	j.changes = make(map[slot]event)
	j.writing = len(changes)
	j.mu.Unlock()
	err := j.commit(changes)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writing = 0
	if err != nil {
		j.keep(changes)
	}
	return err
}

// keep takes changes back that could not be written. Those that came meanwhile
// are fewer, and sockets may wait for the lock, so they go into the others. The
// caller holds the lock.
func (j *journal) keep(changes map[slot]event) {
	for s, newer := range j.changes {
		if newer.json == nil && changes[s].json != nil {
			delete(changes, s) // neither was written
		} else {
			changes[s] = newer
		}
	}
	j.changes = changes
}

func (j *journal) commit(changes map[slot]event) error {
	if j.broken != nil {
		return j.broken
	}
	if len(changes) == 0 {
		return nil
	}
	slots := make([]slot, 0, len(changes))
	for s := range changes {
		slots = append(slots, s)
	}
	slices.SortFunc(slots, func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.seq, b.seq))
	})
	write := func(tx *bbolt.Tx) error {
		for _, s := range slots {
			if err := apply(tx, s, changes[s]); err != nil {
				return err
			}
		}
		return nil
	}
	err := guarded(func() error { return j.db.Update(write) })
	if errors.As(err, new(damaged)) {
		j.broken = err
		j.unreadable.Store(true)
	}
	return err
}

func apply(tx *bbolt.Tx, s slot, ev event) error {
	b, err := tx.CreateBucketIfNotExists([]byte(s.bucket))
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, s.seq)
	if ev.json == nil {
		return b.Delete(key)
	}
	return b.Put(key, ev.json)
}

// close gives the file back, of a journal that never ran.
func (j *journal) close() { _ = j.db.Close() }
