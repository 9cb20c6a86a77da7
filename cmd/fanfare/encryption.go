package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/nacl/secretbox"
)

// masterKey is the key that an app's back ends share, of which each encrypted
// channel has its own secret. The server never has it
// (docs/spec/channels.md#encrypted-channels).
type masterKey [32]byte

func addEncryptionFlag(cmd *cobra.Command, key *string) {
	cmd.Flags().StringVar(key, "encryption-key", "", "master key of encrypted channels in base64, which SDKs call encryptionMasterKeyBase64")
}

// parseEncryptionKey reads the key as SDKs take it; nil for none.
func parseEncryptionKey(text string) (*masterKey, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != len(masterKey{}) {
		return nil, mistake("--encryption-key is not 32 bytes in base64; openssl rand -base64 32 makes a key")
	}
	return (*masterKey)(raw), nil
}

// secret is what a channel's events are sealed with.
func (k *masterKey) secret(channel string) [32]byte {
	return sha256.Sum256(append([]byte(channel), k[:]...))
}

// sealed is the data of an event on an encrypted channel.
type sealed struct {
	Nonce      []byte `json:"nonce"` // in base64, as encoding/json writes bytes
	Ciphertext []byte `json:"ciphertext"`
}

// seal makes an event's data unreadable for all who lack the key.
func (k *masterKey) seal(channel, data string) string {
	var nonce [24]byte
	_, _ = rand.Read(nonce[:]) // ends the process rather than fail
	secret := k.secret(channel)
	text, err := json.Marshal(sealed{nonce[:], secretbox.Seal(nil, []byte(data), &nonce, &secret)})
	if err != nil { // bytes always have a JSON form
		panic(err)
	}
	return string(text)
}

var errSealed = errors.New("cannot be decrypted: another --encryption-key, or not encrypted data")

// open returns the data that was sealed.
func (k *masterKey) open(channel, data string) (string, error) {
	var s sealed
	if json.Unmarshal([]byte(data), &s) != nil || len(s.Nonce) != 24 {
		return "", errSealed
	}
	secret := k.secret(channel)
	text, ok := secretbox.Open(nil, s.Ciphertext, (*[24]byte)(s.Nonce), &secret)
	if !ok {
		return "", errSealed
	}
	return string(text), nil
}
