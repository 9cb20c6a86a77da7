package sockets

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"reflect"
	"unsafe"
)

// Types of records (RFC 8446 §5.1).
const (
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
)

// recordClient is a client of TLS that says what crypto/tls never does: it reads
// by a tls.Conn, and makes its records itself.
type recordClient struct {
	*tls.Conn
	tcp    net.Conn
	random *rand.Rand // cuts records and pieces at random, and asks for new keys; nil does not
	seal   func(seq [8]byte, data, additional []byte) []byte
	secret []byte // of TLS 1.3
	seq    uint64
	asked  int // for new keys, at random
}

// mostAnswers is how many answers to that a tls.Conn takes with no data between them.
const mostAnswers = 16

// recordTLS is what a client of one version offers.
func recordTLS(version uint16) *tls.Config {
	return &tls.Config{ //nolint:gosec // a test's own server
		InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	}
}

func newRecordClient(tcp net.Conn, version uint16) (*recordClient, error) {
	c := &recordClient{Conn: tls.Client(tcp, recordTLS(version)), tcp: tcp}
	if err := c.Handshake(); err != nil {
		return nil, err
	}
	out := reflect.ValueOf(c.Conn).Elem().FieldByName("out")
	aead := (*(*any)(out.FieldByName("cipher").Addr().UnsafePointer())).(cipher.AEAD)
	c.seal = func(seq [8]byte, data, additional []byte) []byte { return aead.Seal(nil, seq[:], data, additional) }
	c.seq = binary.BigEndian.Uint64((*[8]byte)(out.FieldByName("seq").Addr().UnsafePointer())[:])
	c.secret = bytes.Clone(*(*[]byte)(unsafe.Pointer(out.FieldByName("trafficSecret").UnsafeAddr())))
	return c, nil
}

// record encrypts.
func (c *recordClient) record(kind byte, data []byte) []byte {
	var seq [8]byte
	binary.BigEndian.PutUint64(seq[:], c.seq)
	c.seq++
	head := []byte{recordData, 3, 3}
	if c.ConnectionState().Version == tls.VersionTLS13 {
		data = append(bytes.Clone(data), kind)
		head = binary.BigEndian.AppendUint16(head, uint16(len(data)+16))
		return append(head, c.seal(seq, data, head)...)
	}
	head[0] = kind
	body := c.seal(seq, data, binary.BigEndian.AppendUint16(append(seq[:], head...), uint16(len(data))))
	head = binary.BigEndian.AppendUint16(head, uint16(len(seq)+len(body)))
	return append(append(head, seq[:]...), body...)
}

// keyUpdate is the message of TLS 1.3 that says that new keys follow, and may ask
// for others.
func keyUpdate(asks bool) []byte {
	if asks {
		return []byte{24, 0, 0, 1, 1}
	}
	return []byte{24, 0, 0, 1, 0}
}

// rekey makes the keys that follow a keyUpdate.
func (c *recordClient) rekey() {
	c.secret = expandLabel(c.secret, "traffic upd", sha256.Size)
	block, err := aes.NewCipher(expandLabel(c.secret, "key", 16))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	iv := expandLabel(c.secret, "iv", 12)
	c.seq = 0
	c.seal = func(seq [8]byte, data, additional []byte) []byte {
		nonce := bytes.Clone(iv)
		for i, b := range seq {
			nonce[4+i] ^= b
		}
		return aead.Seal(nil, nonce, data, additional)
	}
}

// expandLabel is that of RFC 8446 §7.1, without a context.
func expandLabel(secret []byte, label string, size int) []byte {
	label = "tls13 " + label
	info := append([]byte{0, byte(size), byte(len(label))}, label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), size)
	if err != nil {
		panic(err)
	}
	return out
}

// Write implements net.Conn.
func (c *recordClient) Write(b []byte) (int, error) {
	var all []byte
	for rest := b; len(rest) > 0; {
		n := min(len(rest), mostPlain)
		if c.random != nil {
			n = 1 + c.random.IntN(min(n, 1+c.random.IntN(200)))
			if c.random.IntN(8) == 0 {
				asks := c.random.IntN(2) == 0 && c.asked < mostAnswers
				if asks {
					c.asked++
				}
				all = append(all, c.record(recordHandshake, keyUpdate(asks))...)
				c.rekey()
			}
		}
		all = append(all, c.record(recordData, rest[:n])...)
		rest = rest[n:]
	}
	for len(all) > 0 {
		n := len(all)
		if c.random != nil {
			n = 1 + c.random.IntN(n)
		}
		if _, err := c.tcp.Write(all[:n]); err != nil {
			return 0, err
		}
		all = all[n:]
	}
	return len(b), nil
}

// Close implements net.Conn.
func (c *recordClient) Close() error {
	_, err := c.tcp.Write(c.record(recordAlert, []byte{1, 0})) // close_notify
	return errors.Join(err, c.tcp.Close())
}
