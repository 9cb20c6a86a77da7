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

// sealMark is the prefix of encrypted text. After it come the id of the key, a
// colon, and nonce and ciphertext in base64.
const sealMark = "fanfare-aes256gcm:"

// seals encrypts and decrypts text. Without a key it stores text as it is.
type seals struct {
	current string // id of the key that encrypts; "" if there is none
	byID    map[string]cipher.AEAD
}

// KeyID returns an identifier of a key that does not reveal it: 8 hex digits of a SHA-256.
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

// seal encrypts text for one purpose (what) of one app. It cannot be decrypted for
// another app or purpose.
func (s *seals) seal(app, what, text string) string {
	if s.current == "" {
		return text
	}
	aead := s.byID[s.current]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(text)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: it ends the process instead
	return sealMark + s.current + ":" + base64.RawStdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(text), place(app, what)))
}

// open decrypts text that seal encrypted, and returns other text as it is.
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

// isCurrent reports whether stored is in the form in which seal would store it
// now: encrypted with the current key, or plain if there is none.
func (s *seals) isCurrent(stored string) bool {
	rest, sealed := strings.CutPrefix(stored, sealMark)
	if !sealed {
		return s.current == ""
	}
	id, _, _ := strings.Cut(rest, ":")
	return id == s.current
}

// place returns the additional data of the encryption. Neither part can contain a zero byte.
func place(app, what string) []byte { return []byte(app + "\x00" + what) }

const webhooksPlace = "webhooks"

func secretPlace(key string) string { return "key " + key }
