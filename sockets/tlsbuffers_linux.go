package sockets

import (
	"bytes"
	"crypto/tls"
	"reflect"
)

// A tls.Conn keeps two buffers for as long as it lives, each as large as the
// largest record or handshake message so far: 4 KB after a usual handshake, and 17
// KB after one long message. There is no method to give them up. The loop reaches
// them by their names, takes them away while they are empty, and has records be
// decrypted where it has read them. Over a version of crypto/tls that has other
// fields no loop has a connection: goroutines carry it, as on other systems.
// A test fails then.

// buffersOf returns the buffer for records that have come and the one for
// handshake messages, or nil.
func buffersOf(conn *tls.Conn) (records, messages *bytes.Buffer) {
	records, messages = bufferOf(conn, "rawInput"), bufferOf(conn, "hand")
	if records == nil || messages == nil {
		return nil, nil
	}
	return records, messages
}

func bufferOf(conn *tls.Conn, name string) *bytes.Buffer {
	field := reflect.ValueOf(conn).Elem().FieldByName(name)
	if !field.IsValid() || field.Type() != reflect.TypeFor[bytes.Buffer]() {
		return nil
	}
	return (*bytes.Buffer)(field.Addr().UnsafePointer())
}

// dropHello lets go of what exports keys, which nobody asks for: over TLS 1.2 it
// keeps a slice of the client's hello, and that may have 64 KB.
func dropHello(conn *tls.Conn) {
	field := reflect.ValueOf(conn).Elem().FieldByName("ekm")
	if field.IsValid() && field.Type() == reflect.TypeFor[func(string, []byte, int) ([]byte, error)]() {
		*(*func(string, []byte, int) ([]byte, error))(field.Addr().UnsafePointer()) = nil
	}
}
