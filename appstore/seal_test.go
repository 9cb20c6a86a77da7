package appstore

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/config"
)

func encryptionKey(b byte) []byte { return []byte(strings.Repeat(string(rune(b)), 32)) }

// stored is every text of the database.
func stored(t *testing.T, s *Store) string {
	t.Helper()
	rows, err := s.rows(t.Context(), s.db, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(r.options)
		for _, k := range r.keys {
			b.WriteString(" " + k.secret)
		}
	}
	return b.String()
}

func withWebhook(id string) App {
	a := app(id)
	a.Webhooks = []config.Webhook{{URL: "https://hooks.example/token-in-path", Headers: map[string]string{"Authorization": "token-in-header"}, Batch: config.WebhookBatch{Interval: time.Second}}}
	return a
}

func TestEncryption_NothingSecretIsInTheDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	mustCreate(t, open(t, file), withWebhook("plain"))
	s := open(t, file, encryptionKey('a'))
	mustCreate(t, s, withWebhook("1"))
	if got := mustGet(t, s, "plain"); got.Secret != "secret-plain" { // as it was stored before there was a key
		t.Errorf("%+v", got)
	}
	if n, err := s.RotateEncryption(t.Context()); n != 1 || err != nil {
		t.Fatalf("encrypted %d, %v", n, err)
	}
	if got := stored(t, s); strings.Contains(got, "secret-") || strings.Contains(got, "token-in") {
		t.Error(got)
	}
	if got := mustGet(t, s, "1"); got.Secret != "secret-1" || got.Webhooks[0].Headers["Authorization"] != "token-in-header" {
		t.Errorf("%+v", got)
	}
}

func TestEncryption_Rotates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	mustCreate(t, open(t, file, encryptionKey('a')), withWebhook("1"))
	both := open(t, file, encryptionKey('b'), encryptionKey('a'))
	if n, err := both.RotateEncryption(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := both.RotateEncryption(t.Context()); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	if got := mustGet(t, open(t, file, encryptionKey('b')), "1"); got.Secret != "secret-1" || got.Version != 1 || len(got.Webhooks) != 1 {
		t.Errorf("%+v", got)
	}
}

// While keys are changed one node writes with the new key, and one that is not
// restarted yet with the old: the webhooks of an app may be older than its secrets.
func TestEncryption_RotatesWebhooks_WhoseAppHasNewSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	before := open(t, file, encryptionKey('a'), encryptionKey('b'))
	after := open(t, file, encryptionKey('b'), encryptionKey('a'))
	mustCreate(t, after, withWebhook("1"))
	if _, err := before.SetEnabled(t.Context(), "1", false); err != nil {
		t.Fatal(err)
	}
	if n, err := after.RotateEncryption(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if got := mustGet(t, open(t, file, encryptionKey('b')), "1"); got.Webhooks[0].Headers["Authorization"] != "token-in-header" {
		t.Errorf("%+v", got)
	}
}

// What cannot be used today, by a server with other options for one, must not be
// lost with the old key.
func TestEncryption_RotatesAppsThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	s := open(t, file, encryptionKey('a'))
	mustCreate(t, s, withWebhook("1"))
	if _, err := s.db.ExecContext(t.Context(), `UPDATE fanfare_apps SET options = '{"of_tomorrow":1,' || substr(options, 2)`); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, file, encryptionKey('b'), encryptionKey('a')).RotateEncryption(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = open(t, file, encryptionKey('b'))
	if _, err := s.db.ExecContext(t.Context(), `UPDATE fanfare_apps SET options = replace(options, '"of_tomorrow":1,', '')`); err != nil {
		t.Fatal(err)
	}
	if got := mustGet(t, s, "1"); got.Webhooks[0].Headers["Authorization"] != "token-in-header" {
		t.Errorf("%+v", got)
	}
}

func TestEncryption_AWrongKeyIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "apps.db")
	mustCreate(t, open(t, file, encryptionKey('a')), app("1"))
	for name, keys := range map[string][][]byte{"another key": {encryptionKey('b')}, "no key": nil} {
		s := open(t, file, keys...)
		_, err := s.Get(t.Context(), "1")
		var encryption *EncryptionError
		if !errors.As(err, &encryption) || encryption.Known || encryption.KeyID != KeyID(encryptionKey('a')) || !strings.Contains(err.Error(), "store.encryption_key") {
			t.Errorf("%s: %v", name, err)
		}
		if err := newMirror(s).Load(t.Context(), 0); !errors.As(err, &encryption) {
			t.Errorf("%s: a mirror starts: %v", name, err)
		}
	}
}

func TestEncryption_ACiphertextInAnotherPlaceDoesNotDecrypt(t *testing.T) {
	s := newStore(t, encryptionKey('a'))
	mustCreate(t, s, app("1"))
	mustCreate(t, s, app("2"))
	if _, err := s.db.ExecContext(t.Context(), "UPDATE fanfare_app_keys SET secret = (SELECT secret FROM fanfare_app_keys WHERE app_id = '1') WHERE app_id = '2'"); err != nil {
		t.Fatal(err)
	}
	var encryption *EncryptionError
	if _, err := s.Get(t.Context(), "2"); !errors.As(err, &encryption) || !encryption.Known {
		t.Errorf("got %v", err)
	}
	m := newMirror(s)
	if err := m.Load(t.Context(), 0); err != nil { // one app that was tampered with keeps nobody else out
		t.Fatal(err)
	}
	if st := m.Status(); st.Apps != 1 || st.Unreadable != 1 {
		t.Errorf("%+v", st)
	}
}
