package appstore

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound means that the store has no app with the id.
	ErrNotFound = errors.New("there is no such app")
	// ErrNoKey means that an app has no such key.
	ErrNoKey = errors.New("the app has no such key")
	// ErrLastKey means that the key is the only one of its app, which would be
	// unusable without it.
	ErrLastKey = errors.New("the app has no other key; add one first")
	// ErrUnreadable means that the stored app is invalid and is not served.
	ErrUnreadable = errors.New("the app in the database cannot be used")
)

// ConflictError means that an app has changed since the version on which a change
// is based.
type ConflictError struct {
	ID         string
	Given, Now int64
}

// Error returns a message with both versions.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("app %s has changed in the meantime: its version is %d, not %d; read it again and repeat the change", e.ID, e.Now, e.Given)
}

// ExistsError means that an id or a key exists already.
type ExistsError struct {
	What string // "id" or "key"
	Name string
	App  string // app that has the key
}

// Error returns a message with the id, or with the key and its app.
func (e *ExistsError) Error() string {
	if e.What == "id" {
		return fmt.Sprintf("an app with the id %q exists already", e.Name)
	}
	return fmt.Sprintf("%q is already a key of app %s; each key belongs to one app", e.Name, e.App)
}

// EncryptionError means that a secret cannot be decrypted.
type EncryptionError struct {
	App   string
	KeyID string // of the key that encrypted it; see KeyID
	Known bool   // the key is configured, but the ciphertext was changed or moved
	None  bool   // no key is configured
}

// Error returns a message that says what to configure.
func (e *EncryptionError) Error() string {
	switch {
	case e.Known:
		return fmt.Sprintf("the secrets of app %s cannot be decrypted: they were changed in the database, or copied from another app", e.App)
	case e.None:
		return fmt.Sprintf("the secrets of app %s are encrypted with the key %s, but store.encryption_key is not set", e.App, e.KeyID)
	}
	return fmt.Sprintf("the secrets of app %s are encrypted with the key %s, which is neither store.encryption_key nor one of store.old_encryption_keys", e.App, e.KeyID)
}
