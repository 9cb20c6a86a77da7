package webhooks

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"go.etcd.io/bbolt"
)

// commit writes changes into the file, in the order of their slots.
func (j *journal) commit(changes map[slot]entry) error {
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
		for i, s := range slots {
			if err := apply(tx, s, changes[s]); err != nil {
				return err
			}
			if i+1 == len(slots) || slots[i+1].bucket != s.bucket {
				if err := tidy(tx, s.bucket); err != nil {
					return err
				}
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

func apply(tx *bbolt.Tx, s slot, c entry) error {
	b, err := tx.CreateBucketIfNotExists([]byte(s.bucket))
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64(nil, s.seq)
	if c.emptied {
		return b.Delete(key)
	}
	return b.Put(key, c.append(nil))
}

// tidy removes a bucket without events from the file: its endpoint may no
// longer exist.
func tidy(tx *bbolt.Tx, bucket string) error {
	if first, _ := tx.Bucket([]byte(bucket)).Cursor().First(); first != nil {
		return nil
	}
	return tx.DeleteBucket([]byte(bucket))
}
