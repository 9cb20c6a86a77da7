package main

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

func TestFew_OneMore_ClosesTheOldest(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &few{Listener: l, most: 2}
	defer func() { _ = f.Close() }()
	open := func() (client, server net.Conn) {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		_ = client.SetDeadline(time.Now().Add(patience))
		if server, err = f.Accept(); err != nil {
			t.Fatal(err)
		}
		return client, server
	}
	first, _ := open()
	second, gone := open()
	_ = gone.Close()
	third, mate := open()
	if _, err := io.WriteString(first, "x"); err != nil {
		t.Errorf("the first of two was closed: %v", err)
	}
	_, last := open()
	if _, err := first.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the oldest of three is open: %v", err)
	}
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the one that was closed by us: %v", err)
	}
	if _, err := io.WriteString(mate, "x"); err != nil {
		t.Errorf("the third was closed: %v", err)
	}
	if _, err := third.Read(make([]byte, 1)); err != nil {
		t.Errorf("the third is not open: %v", err)
	}
	if _, err := io.WriteString(last, "x"); err != nil {
		t.Errorf("the newest is not open: %v", err)
	}
}
