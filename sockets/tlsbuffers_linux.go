package sockets

import (
	"bytes"
	"crypto/tls"
	"reflect"
)

// A tls.Conn keeps two buffers for as long as it lives, each as large as the
// largest record or handshake message so far: 4 KB after a usual handshake, and 17
// KB after one long message. There is no method to free them. The loop accesses the
// fields by their names, frees the buffers while they are empty, and has records
// decrypted in its own read buffer. If a version of crypto/tls has other fields,
// connections over TLS keep their goroutines, as on other systems, and a test fails.

// buffersOf returns the buffer for received records and the one for handshake
// messages, or nil if crypto/tls has other fields.
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

// dropHello drops the function that exports keys, which is not used: with TLS 1.2 it
// refers to the client's hello, which may have 64 KB.
func dropHello(conn *tls.Conn) {
	field := reflect.ValueOf(conn).Elem().FieldByName("ekm")
	if field.IsValid() && field.Type() == reflect.TypeFor[func(string, []byte, int) ([]byte, error)]() {
		*(*func(string, []byte, int) ([]byte, error))(field.Addr().UnsafePointer()) = nil
	}
}
