package main

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// testMaster are the bytes 0 to 31.
const testMaster = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// The example of docs/spec/channels.md#encrypted-channels.
func TestEncryption_SecretOfAChannel(t *testing.T) {
	master, err := parseEncryptionKey(testMaster)
	if err != nil {
		t.Fatal(err)
	}
	secret := master.secret("private-encrypted-foobar")
	if got := base64.StdEncoding.EncodeToString(secret[:]); got != "g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY=" {
		t.Errorf("got %s", got)
	}
}

// One is crypto_secretbox_easy of "hello" by libsodium, with that secret and 24
// bytes of 1.
func TestEncryption_OpensWhatItSealsAndNothingElse(t *testing.T) {
	master, err := parseEncryptionKey(testMaster)
	if err != nil {
		t.Fatal(err)
	}
	const channel = "private-encrypted-foobar"
	sealed := master.seal(channel, `{"a":1}`)
	if got, err := master.open(channel, sealed); err != nil || got != `{"a":1}` {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := master.open(channel, `{"nonce":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB","ciphertext":"WgjruvcteTXi7zrL/hZzIUYw+aKE"}`); err != nil || got != "hello" {
		t.Errorf("sealed by libsodium: %q, %v", got, err)
	}
	if again := master.seal(channel, `{"a":1}`); again == sealed {
		t.Error("sealed twice with one nonce")
	}
	other := masterKey(bytes.Repeat([]byte{7}, 32))
	for name, try := range map[string]func() (string, error){
		"another key":     func() (string, error) { return other.open(channel, sealed) },
		"another channel": func() (string, error) { return master.open(channel+"x", sealed) },
		"plaintext":       func() (string, error) { return master.open(channel, `{"a":1}`) },
		"a text":          func() (string, error) { return master.open(channel, "hello") },
		"a short nonce":   func() (string, error) { return master.open(channel, `{"nonce":"AAAA","ciphertext":"AAAA"}`) },
		"nothing":         func() (string, error) { return master.open(channel, "") },
	} {
		if got, err := try(); err == nil {
			t.Errorf("%s opened as %q", name, got)
		}
	}
}

func TestEncryption_KeyThatIsNone(t *testing.T) {
	for _, text := range []string{"short", "c2hvcnQ=", testMaster + "AAAA", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"} {
		if key, err := parseEncryptionKey(text); err == nil || key != nil {
			t.Errorf("%s is a key", text)
		}
	}
	if key, err := parseEncryptionKey(""); err != nil || key != nil {
		t.Errorf("none is %v, %v", key, err)
	}
}
