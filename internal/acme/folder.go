package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// folder stores the account, the certificate and the challenges of one ACME
// server, readable by the process's user only. Nodes may share it.
type folder string

const (
	accountFile     = "account.pem"
	certificateFile = "certificate.pem" // key and chain in one, so that they change together
	setbackFile     = "setback.json"
)

// openFolder creates the folder of one ACME server. Each has its own, because an
// account of a staging server is not known to another.
func openFolder(storage, directory string) (folder, error) {
	sum := sha256.Sum256([]byte(directory))
	f := folder(filepath.Join(storage, hex.EncodeToString(sum[:8])))
	return f, os.MkdirAll(string(f), 0o700)
}

func (f folder) file(name string) string { return filepath.Join(string(f), name) }

// write replaces a file atomically, so that no reader sees half of it.
func (f folder) write(name string, text []byte) error {
	file, err := os.CreateTemp(string(f), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), f.file(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// accountKey reads the key of the account. If there is none and create is true, it
// makes one.
func (f folder) accountKey(create bool) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(f.file(accountFile))
	if errors.Is(err, fs.ErrNotExist) && create {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		text, err := encodeKey(key)
		if err != nil {
			return nil, err
		}
		return key, f.write(accountFile, text)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s contains no key in PEM form", f.file(accountFile))
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.file(accountFile), err)
	}
	account, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s contains a key that is not an ECDSA key", f.file(accountFile))
	}
	return account, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// keep stores a certificate: its key and its chain in DER form.
func (f folder) keep(key *ecdsa.PrivateKey, chain [][]byte) error {
	text, err := encodeKey(key)
	if err != nil {
		return err
	}
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	if _, err := tls.X509KeyPair(text, text); err != nil {
		return fmt.Errorf("the issued certificate: %w", err)
	}
	return f.write(certificateFile, text)
}

// certificate reads the stored certificate; nil if there is none.
func (f folder) certificate() (*tls.Certificate, error) {
	text, err := os.ReadFile(f.file(certificateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to obtain another", f.file(certificateFile), err)
	}
	return &cert, nil
}

// challengeFile returns the file name of an open challenge. It refuses characters
// that could leave the folder, because anybody can request any name.
func (f folder) challengeFile(kind kind, name string) (string, error) {
	if name == "" || len(name) > 253 {
		return "", fs.ErrNotExist
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return "", fs.ErrNotExist
		}
	}
	return string(kind) + "-" + name, nil
}

func (f folder) putChallenge(kind kind, name, token string) error {
	file, err := f.challengeFile(kind, name)
	if err != nil {
		return fmt.Errorf("the ACME server sent a challenge with an invalid token or domain: %q", name)
	}
	return f.write(file, []byte(token))
}

func (f folder) removeChallenge(kind kind, name string) {
	if file, err := f.challengeFile(kind, name); err == nil {
		_ = os.Remove(f.file(file)) // a file that remains only answers an old token
	}
}

// challenge reads the token of an open challenge.
func (f folder) challenge(kind kind, name string) (string, error) {
	file, err := f.challengeFile(kind, name)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(f.file(file))
	return string(text), err
}
