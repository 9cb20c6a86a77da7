package webhooks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// lockPatience is how long to wait for another process to close the file.
const lockPatience = 5 * time.Second

// openFile opens the file of a store and creates it if it does not exist.
func openFile(file string) (*bbolt.DB, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Mode().IsRegular() && info.Size() == 0:
		err = makeFile(file)
	case err == nil && info.IsDir():
		err = fmt.Errorf("it is a folder; name a file in it, such as %s", filepath.Join(file, "webhooks.db"))
	}
	if err != nil {
		return nil, err
	}
	return openBolt(file)
}

// makeFile creates an empty store under a temporary name and renames it when it
// is complete. A full disk or a process that ends meanwhile leaves no file that
// a later start would report as damaged. It replaces an empty file, such as
// touch or a full disk leaves.
func makeFile(file string) error {
	draft, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	name := draft.Name()
	if err = draft.Close(); err == nil {
		err = fillFile(name)
	}
	if err == nil {
		err = os.Rename(name, file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// fillFile writes the pages of an empty store and syncs them.
func fillFile(name string) error {
	db, err := openBolt(name)
	if err != nil {
		return err
	}
	return db.Close()
}

func openBolt(file string) (*bbolt.DB, error) {
	var db *bbolt.DB
	err := guarded(func() (err error) {
		db, err = bbolt.Open(file, 0o600, &bbolt.Options{Timeout: lockPatience, FreelistType: bbolt.FreelistMapType})
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, errors.New("another process has the file open")
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return nil, damaged{err}
	}
	return db, err
}

// damaged is the error for a file whose content is not what was written.
type damaged struct{ found any }

func (d damaged) Error() string {
	return fmt.Sprintf("the file is damaged or not a store of webhooks (%v); move it away to start without the events in it", d.found)
}

// guarded uses the file. bbolt does not check what it reads: with a file that
// was cut short or overwritten it panics, or follows a page number beyond the
// mapped memory.
func guarded(use func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if found := recover(); found != nil {
			err = damaged{found}
		}
	}()
	return use()
}
