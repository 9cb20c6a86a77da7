package appstore

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound says that the store has no app with the id, or the app no such
	// key.
	ErrNotFound = errors.New("there is no such app")
	// ErrNoKey says that an app has no such key.
	ErrNoKey = errors.New("the app has no such key")
	// ErrLastKey says that the key is the only one of its app, which would be
	// unusable without it.
	ErrLastKey = errors.New("the app has no other key; add one first")
	// ErrUnreadable says that the app in the database cannot be served.
	ErrUnreadable = errors.New("the app in the database cannot be used")
)

// ConflictError says that an app has changed since the version on which a change is
// based.
type ConflictError struct {
	ID         string
	Given, Now int64
}

// Error tells the versions.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("app %s was changed meanwhile: it has version %d, and not %d; read it again", e.ID, e.Now, e.Given)
}

// ExistsError says that an id or a key exists already.
type ExistsError struct {
	What string // "id" or "key"
	Name string
	App  string // that has the key
}

// Error tells what is taken.
func (e *ExistsError) Error() string {
	if e.What == "id" {
		return fmt.Sprintf("there is an app with the id %q already", e.Name)
	}
	return fmt.Sprintf("%q is already a key of app %s; each key belongs to one app", e.Name, e.App)
}

// EncryptionError says that a secret cannot be decrypted.
type EncryptionError struct {
	App   string
	KeyID string // of the key that encrypted it; see KeyID
	Known bool   // the key is configured, and the secret was changed or moved
	None  bool   // no key is configured
}

// Error says what to configure.
func (e *EncryptionError) Error() string {
	switch {
	case e.Known:
		return fmt.Sprintf("the secrets of app %s do not decrypt: they were changed in the database, or moved from another app", e.App)
	case e.None:
		return fmt.Sprintf("the secrets of app %s are encrypted with the key %s, and store.encryption_key is not set", e.App, e.KeyID)
	}
	return fmt.Sprintf("the secrets of app %s are encrypted with the key %s, which is neither store.encryption_key nor one of store.old_encryption_keys", e.App, e.KeyID)
}
