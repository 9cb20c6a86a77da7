package appstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"fanfare/config"
)

// row is an app as it is stored.
type row struct {
	id, name, options string
	version, changed  int64
	created, updated  int64 // Unix time in milliseconds
	keys              []keyRow
}

type keyRow struct{ key, secret string }

// Maximum number of characters of ids and keys, and of names; MySQL's columns
// have these lengths.
const (
	longestID   = 190
	longestName = 200
)

// app decodes a row. The error is an *EncryptionError, or wraps ErrUnreadable and
// says what is wrong.
func (s *Store) app(r *row) (*App, error) {
	a := &App{
		App: config.DefaultApp(), Name: r.name, Version: r.version, changed: r.changed,
		Created: time.UnixMilli(r.created).UTC(), Updated: time.UnixMilli(r.updated).UTC(),
	}
	options, err := s.openOptions(r.id, r.options)
	if err != nil {
		return nil, err
	}
	if err := s.documents.Apply(&a.App, options); err != nil {
		return nil, unreadable(err)
	}
	a.ID, a.Key, a.Secret, a.Keys = r.id, "", "", nil
	for i, k := range r.keys {
		secret, err := s.seals.open(r.id, secretPlace(k.key), k.secret)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			a.Key, a.Secret = k.key, secret
		} else {
			a.Keys = append(a.Keys, config.Key{Key: k.key, Secret: secret})
		}
	}
	if err := s.usable(a); err != nil {
		return nil, unreadable(err)
	}
	return a, nil
}

func unreadable(err error) error { return fmt.Errorf("%w: %w", ErrUnreadable, err) }

// usable checks an app against the rules of the configuration and the store. The
// error is a *config.Error.
func (s *Store) usable(a *App) error {
	if err := s.documents.Check(&a.App); err != nil {
		return err
	}
	if err := s.check(&a.App); err != nil {
		return invalid("webhooks", err.Error())
	}
	switch {
	case len(a.ID) > longestID:
		return invalid("id", fmt.Sprintf("has %d characters; the most is %d", len(a.ID), longestID))
	case len([]rune(a.Name)) > longestName:
		return invalid("name", fmt.Sprintf("has %d characters; the most is %d", len([]rune(a.Name)), longestName))
	case !storable(a.Name):
		return invalid("name", "contains a character that cannot be stored (NUL, or invalid UTF-8)")
	}
	for i, k := range keysOf(&a.App) {
		at := "key"
		if i > 0 {
			at = fmt.Sprintf("keys[%d].key", i-1)
		}
		switch {
		case !storable(k.Secret):
			return invalid(at, "has a secret with a character that cannot be stored (NUL, or invalid UTF-8)")
		case len(k.Key) > longestID:
			return invalid(at, fmt.Sprintf("has %d characters; the most is %d", len(k.Key), longestID))
		case strings.HasPrefix(k.Secret, sealMark):
			return invalid(at, "has a secret that looks encrypted; give the secret itself")
		}
	}
	return nil
}

// storable reports whether every database can store a text.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

func invalid(key, text string) error {
	return &config.Error{Problems: []config.Problem{{Key: key, Text: text}}}
}

// keysOf returns the keys of an app, the oldest first.
func keysOf(a *config.App) []config.Key {
	return append([]config.Key{{Key: a.Key, Secret: a.Secret}}, a.Keys...)
}

// options returns the options of an app as they are stored. If there is an
// encryption key, webhooks are encrypted, because their addresses and headers may
// contain secrets.
func (s *Store) options(a *config.App) (string, error) {
	doc := s.documents.Write(a)
	if s.seals.current == "" || len(a.Webhooks) == 0 {
		return string(doc), nil
	}
	parts := map[string]json.RawMessage{}
	if err := json.Unmarshal(doc, &parts); err != nil {
		return "", fmt.Errorf("encrypt the webhooks of app %s: %w", a.ID, err)
	}
	return s.sealOptions(a.ID, parts, parts["webhooks"])
}

// openOptions returns stored options with decrypted webhooks.
func (s *Store) openOptions(app, options string) ([]byte, error) {
	doc := []byte(options)
	if !bytes.Contains(doc, []byte(sealMark)) {
		return doc, nil
	}
	parts := map[string]json.RawMessage{}
	var sealed string
	if json.Unmarshal(doc, &parts) != nil || json.Unmarshal(parts["webhooks"], &sealed) != nil {
		return doc, nil // the mark is part of another text, or Apply reports what is wrong
	}
	plain, err := s.seals.open(app, webhooksPlace, sealed)
	if err != nil {
		return nil, err
	}
	if !json.Valid([]byte(plain)) {
		return nil, fmt.Errorf("%w: its webhooks are not JSON", ErrUnreadable)
	}
	parts["webhooks"] = json.RawMessage(plain)
	return json.Marshal(parts)
}

// resealOptions returns stored options with webhooks encrypted with the current
// key. Options that were edited by hand and cannot be decoded are returned
// unchanged.
func (s *Store) resealOptions(app, options string) (string, error) {
	parts := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(options), &parts) != nil {
		return options, nil
	}
	var stored string
	if json.Unmarshal(parts["webhooks"], &stored) != nil {
		stored = string(parts["webhooks"]) // a list is not encrypted
	}
	if s.seals.isCurrent(stored) {
		return options, nil
	}
	plain, err := s.seals.open(app, webhooksPlace, stored)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(plain, "[") || !json.Valid([]byte(plain)) {
		return options, nil
	}
	return s.sealOptions(app, parts, json.RawMessage(plain))
}

// sealOptions returns options with the given webhooks, encrypted if there is a key.
func (s *Store) sealOptions(app string, parts map[string]json.RawMessage, webhooks json.RawMessage) (string, error) {
	if s.seals.current != "" {
		sealed, err := json.Marshal(s.seals.seal(app, webhooksPlace, string(webhooks)))
		if err != nil {
			return "", fmt.Errorf("encrypt the webhooks of app %s: %w", app, err)
		}
		webhooks = sealed
	}
	parts["webhooks"] = webhooks
	doc, err := json.Marshal(parts)
	if err != nil {
		return "", fmt.Errorf("encrypt the webhooks of app %s: %w", app, err)
	}
	return string(doc), nil
}
