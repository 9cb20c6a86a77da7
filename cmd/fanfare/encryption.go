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

// masterKey is the key that the back ends of an app share. The secret of each
// encrypted channel is derived from it. The server never has it
// (docs/spec/channels.md#encrypted-channels).
type masterKey [32]byte

func addEncryptionFlag(cmd *cobra.Command, key *string) {
	cmd.Flags().StringVar(key, "encryption-key", "", "master key of encrypted channels in base64, which SDKs call encryptionMasterKeyBase64")
}

// parseEncryptionKey parses a key in the form that SDKs use; nil for an empty
// text.
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

// secret returns the key that encrypts the events of a channel.
func (k *masterKey) secret(channel string) [32]byte {
	return sha256.Sum256(append([]byte(channel), k[:]...))
}

// sealed is the data of an event on an encrypted channel.
type sealed struct {
	Nonce      []byte `json:"nonce"` // in base64, as encoding/json writes bytes
	Ciphertext []byte `json:"ciphertext"`
}

// seal encrypts the data of an event on a channel.
func (k *masterKey) seal(channel, data string) string {
	var nonce [24]byte
	_, _ = rand.Read(nonce[:]) // never fails: it ends the process instead
	secret := k.secret(channel)
	text, err := json.Marshal(sealed{nonce[:], secretbox.Seal(nil, []byte(data), &nonce, &secret)})
	if err != nil { // bytes always have a JSON form
		panic(err)
	}
	return string(text)
}

var errSealed = errors.New("cannot be decrypted: another --encryption-key, or not encrypted data")

// open decrypts the data of an event on a channel.
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
