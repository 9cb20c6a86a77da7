package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"fanfare/internal/account"
	"fanfare/internal/testkit"
)

// A stream that waits has no goroutine, a client that leaves is noticed, and the
// session keeps what it was not told.
func TestCarry_AStreamWaits_WithoutAGoroutine(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	if os.Getenv(testkit.Portable) != "" {
		return // every connection is net/http's
	}
	established(t, srv, "app-key/1/wire").joined("c")
	const many = 50
	before := runtime.NumGoroutine()
	var last *wire
	for i := range many {
		w := newWire(t, srv)
		w.ask(fmt.Sprintf("POST /pusher/app/app-key/1/other%d/xhr_streaming%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", i, xhrQuery))
		body := bufio.NewReader(w.answer().Body)
		w.line(body)
		last = w
	}
	testkit.Eventually(t, "the goroutines have gone", func() bool { return runtime.NumGoroutine() < before+many/2 })
	if n := srv.Account.Count(account.Receives); n != many {
		t.Errorf("%d receives are in the account, want %d", n, many)
	}
	_ = last.conn.Close()
	testkit.Eventually(t, "the client's leaving is noticed", func() bool { return srv.Account.Count(account.Receives) == many-1 })
}

// What a client sends before its stream has ended is in the account, is bounded, and
// is answered behind the stream.
func TestCarry_WhatComesMeanwhile_IsBounded(t *testing.T) {
	srv := testkit.Start(t, testkit.Options{})
	if os.Getenv(testkit.Portable) != "" {
		return // every connection is net/http's
	}
	established(t, srv, "app-key/1/wire").joined("c")
	w := newWire(t, srv)
	w.receive("xhr_streaming", "")
	body := bufio.NewReader(w.answer().Body)
	w.line(body)
	testkit.Eventually(t, "the loop has the stream", func() bool { return srv.Account.BytesOf(account.Receives) < 4<<10 })
	const requests = 200
	w.ask(strings.Repeat("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", requests))
	kept := func() int64 { return srv.Account.BytesOf(account.Bodies) }
	testkit.Eventually(t, "what came is in the account", func() bool { return kept() > 0 })
	publish(t, srv, "c", "1")
	w.line(body) // the loop has had a turn
	if n := kept(); n > 2<<10 {
		t.Errorf("%d bytes are kept of what a client sends while it waits", n)
	}
	other := newWire(t, srv)
	other.receive("xhr_streaming", "")
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Fatal(err)
	}
	for range requests {
		_, _ = io.Copy(io.Discard, w.answer().Body)
	}
	testkit.Eventually(t, "nothing is kept", func() bool { return kept() == 0 })
}
