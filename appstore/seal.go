package appstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// sealMark begins what is encrypted: the mark, the id of the key, and nonce and
// ciphertext in base64, with colons between.
const sealMark = "fanfare-aes256gcm:"

// seals encrypt and decrypt. Those without a key leave all as it is.
type seals struct {
	current string // id of the key that encrypts; "" without one
	byID    map[string]cipher.AEAD
}

// KeyID names a key without telling it: the beginning of its SHA-256.
func KeyID(key []byte) string {
	sum := sha256.Sum256(append([]byte("fanfare app store key\x00"), key...))
	return hex.EncodeToString(sum[:4])
}

func newSeals(keys [][]byte) (*seals, error) {
	s := &seals{byID: make(map[string]cipher.AEAD, len(keys))}
	for i, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("encryption key %d is not 32 bytes long", i)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("encryption key %d: %w", i, err)
		}
		s.byID[KeyID(key)] = aead
		if i == 0 {
			s.current = KeyID(key)
		}
	}
	return s, nil
}

// seal encrypts text for its place, what of which app it is. In another place it
// does not decrypt.
func (s *seals) seal(app, what, text string) string {
	if s.current == "" {
		return text
	}
	aead := s.byID[s.current]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(text)+aead.Overhead())
	_, _ = rand.Read(nonce) // it ends the process rather than fail
	return sealMark + s.current + ":" + base64.RawStdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(text), place(app, what)))
}

// open is the text that was sealed, or stored as it is.
func (s *seals) open(app, what, stored string) (string, error) {
	rest, sealed := strings.CutPrefix(stored, sealMark)
	if !sealed {
		return stored, nil
	}
	id, text, _ := strings.Cut(rest, ":")
	aead := s.byID[id]
	if aead == nil {
		return "", &EncryptionError{App: app, KeyID: id, None: s.current == ""}
	}
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(data) < aead.NonceSize() {
		return "", &EncryptionError{App: app, KeyID: id, Known: true}
	}
	plain, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], place(app, what))
	if err != nil {
		return "", &EncryptionError{App: app, KeyID: id, Known: true}
	}
	return string(plain), nil
}

// isCurrent reports whether seal would store a text as this is stored, but for the
// nonce.
func (s *seals) isCurrent(stored string) bool {
	rest, sealed := strings.CutPrefix(stored, sealMark)
	if !sealed {
		return s.current == ""
	}
	id, _, _ := strings.Cut(rest, ":")
	return id == s.current
}

// place is what a ciphertext is bound to. Neither part can hold a zero byte.
func place(app, what string) []byte { return []byte(app + "\x00" + what) }

const webhooksPlace = "webhooks"

func secretPlace(key string) string { return "key " + key }
