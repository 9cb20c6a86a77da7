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

// row is an app as the database has it.
type row struct {
	id, name, options string
	version, changed  int64
	created, updated  int64 // milliseconds of Unix time
	keys              []keyRow
}

type keyRow struct{ key, secret string }

// longestName bounds ids, keys and names: the columns of MySQL do.
const (
	longestID   = 190
	longestName = 200
)

// app decodes a row. The error is an *EncryptionError, or an ErrUnreadable with
// what is wrong.
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

// usable holds an app to the rules of the configuration and the store's own. The
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
		return invalid("name", "holds a character that cannot be stored")
	}
	for i, k := range keysOf(&a.App) {
		at := "key"
		if i > 0 {
			at = fmt.Sprintf("keys[%d].key", i-1)
		}
		switch {
		case !storable(k.Secret):
			return invalid(at, "has a secret with a character that cannot be stored")
		case len(k.Key) > longestID:
			return invalid(at, fmt.Sprintf("has %d characters; the most is %d", len(k.Key), longestID))
		case strings.HasPrefix(k.Secret, sealMark):
			return invalid(at, "has a secret that looks encrypted; give the secret itself")
		}
	}
	return nil
}

// storable reports whether every database takes a text.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

func invalid(key, text string) error {
	return &config.Error{Problems: []config.Problem{{Key: key, Text: text}}}
}

// keysOf are the keys of an app, the oldest first.
func keysOf(a *config.App) []config.Key {
	return append([]config.Key{{Key: a.Key, Secret: a.Secret}}, a.Keys...)
}

// options are what is stored of an app beside its keys. Addresses and headers of
// webhooks hold secrets too.
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

// openOptions are the options with the webhooks as they were.
func (s *Store) openOptions(app, options string) ([]byte, error) {
	doc := []byte(options)
	if !bytes.Contains(doc, []byte(sealMark)) {
		return doc, nil
	}
	parts := map[string]json.RawMessage{}
	var sealed string
	if json.Unmarshal(doc, &parts) != nil || json.Unmarshal(parts["webhooks"], &sealed) != nil {
		return doc, nil // the mark is in some text, or Apply says what is wrong
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

// resealOptions are stored options whose webhooks are encrypted as they would be
// now. Options that somebody edited by hand into something else stay as they are.
func (s *Store) resealOptions(app, options string) (string, error) {
	parts := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(options), &parts) != nil {
		return options, nil
	}
	var stored string
	if json.Unmarshal(parts["webhooks"], &stored) != nil {
		stored = string(parts["webhooks"]) // a list, which is not encrypted
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

// sealOptions are options with webhooks as they are stored.
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
