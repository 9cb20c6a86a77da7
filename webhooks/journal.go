package webhooks

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"go.etcd.io/bbolt"

	"fanfare/internal/account"
)

// journal mirrors the queues in a file. Changes are collected and written
// together, at most once an interval, since each write waits for the disk. An
// event that is delivered before the next write is never written. Methods of a
// nil journal do nothing.
type journal struct {
	db       *bbolt.DB
	interval time.Duration
	log      *slog.Logger
	account  *account.Account
	wake     chan struct{}

	mu      sync.Mutex
	changes map[slot]entry // to be written
	writing int            // changes in the current write
	entered int            // changes counted in the account

	unreadable atomic.Bool // broken is set; for goroutines that read

	// The writing goroutine only.
	failing bool
	broken  error // the file is damaged; it is not used again
}

func openJournal(cfg *Config) (*journal, error) {
	db, err := openFile(cfg.Store)
	if err != nil {
		return nil, err
	}
	return &journal{
		db: db, interval: cfg.SyncInterval, log: cfg.Logger, account: cfg.Account,
		wake: make(chan struct{}, 1), changes: make(map[slot]entry),
	}, nil
}

// slot is the place of an event in the file.
type slot struct {
	bucket string
	seq    uint64
}

// entry is the new content of a slot: an event, or nothing.
type entry struct {
	record
	emptied bool
}

// changeBytes is the memory that a change takes with its place in the map,
// which is partly empty.
const changeBytes = (int(unsafe.Sizeof(slot{})+unsafe.Sizeof(entry{})) + 1) * 3 / 2

// bucketName returns the bucket for the events of an endpoint. The name is made
// of the app and the URL, so that the events are found again when the list of
// endpoints has changed. Endpoints of an app with the same URL have a bucket
// each.
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

// load calls each for every event of a bucket, in order. A damaged file has no
// events, because bbolt may still hold its locks.
func (j *journal) load(bucket string, each func(uint64, record)) error {
	if j == nil || j.unreadable.Load() {
		return nil
	}
	return guarded(func() error {
		return j.db.View(func(tx *bbolt.Tx) error {
			if b := tx.Bucket([]byte(bucket)); b != nil {
				return readBucket(b, func(seq uint64, text []byte) { each(seq, readRecord(text)) })
			}
			return nil
		})
	})
}

// count reads the events of all buckets and counts those in buckets that of
// selects.
func (j *journal) count(of func(bucket string) bool) (n int, err error) {
	if j == nil {
		return 0, nil
	}
	err = guarded(func() error {
		return j.db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				counted := of(string(name))
				return readBucket(b, func(uint64, []byte) {
					if counted {
						n++
					}
				})
			})
		})
	})
	return n, err
}

func readBucket(b *bbolt.Bucket, each func(seq uint64, text []byte)) error {
	return b.ForEach(func(k, v []byte) error {
		if len(k) != 8 || !json.Valid(v) {
			return errors.New("the file is not a store of webhooks")
		}
		each(binary.BigEndian.Uint64(k), v)
		return nil
	})
}

// put adds an event to the file with the next write.
func (j *journal) put(bucket string, seq uint64, r record) {
	if j == nil {
		return
	}
	j.mu.Lock()
	j.changes[slot{bucket, seq}] = entry{record: r}
	j.changed()
}

// remove removes an event from the file with the next write.
func (j *journal) remove(bucket string, seq uint64) {
	if j == nil {
		return
	}
	s := slot{bucket, seq}
	j.mu.Lock()
	if c, known := j.changes[s]; known && !c.emptied {
		delete(j.changes, s) // was never written
	} else {
		j.changes[s] = entry{emptied: true}
	}
	j.changed()
}

// changed ends a change: it updates the account, releases the lock and wakes
// the goroutine that writes.
func (j *journal) changed() {
	j.enter()
	first := len(j.changes) == 1
	j.mu.Unlock()
	if first {
		signal(j.wake)
	}
}

// enter reports the memory of the changes to the account. The caller holds the
// lock.
func (j *journal) enter() {
	n := len(j.changes) + j.writing
	j.account.Resize(account.Webhooks, (n-j.entered)*changeBytes)
	j.entered = n
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

// settled reports whether load finds nothing that has been removed.
func (j *journal) settled() bool {
	return j == nil || j.unreadable.Load() || j.unsaved() == 0
}

// run writes until ctx is done, then once more, and closes the file.
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

// failed logs the first of several failures and waits before the next attempt.
// No event is lost: the changes are still in memory, limited like the queues.
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

// write writes the collected changes into the file as one transaction.
func (j *journal) write() error {
	j.mu.Lock()
	changes := j.changes
	j.changes = make(map[slot]entry)
	j.writing = len(changes)
	j.mu.Unlock()
	err := j.commit(changes)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writing = 0
	if err != nil {
		j.keep(changes)
	}
	j.enter()
	return err
}

// keep restores changes that could not be written. Newer changes win. It merges
// the newer ones into the older because they are fewer, and sockets may wait
// for the lock. The caller holds the lock.
func (j *journal) keep(changes map[slot]entry) {
	for s, newer := range j.changes {
		if older, known := changes[s]; known && newer.emptied && !older.emptied {
			delete(changes, s) // neither was written
		} else {
			changes[s] = newer
		}
	}
	j.changes = changes
}

// close closes the file of a journal that never ran.
func (j *journal) close() { _ = j.db.Close() }
