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

// A request that waits has no goroutine, and a client that leaves is noticed.
func TestCarry_ARequestWaits_WithoutAGoroutine(t *testing.T) {
	for _, action := range []string{"xhr_streaming", "xhr"} {
		t.Run(action, func(t *testing.T) {
			srv := testkit.Start(t, testkit.Options{})
			if os.Getenv(testkit.Portable) != "" {
				return // every connection is net/http's
			}
			const many = 50
			before := runtime.NumGoroutine()
			var last *wire
			for i := range many {
				w := newWire(t, srv)
				request := fmt.Sprintf("POST /pusher/app/app-key/1/other%d/%s%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", i, action, xhrQuery)
				w.ask(request)
				body := bufio.NewReader(w.answer().Body)
				w.line(body)
				if action == "xhr" { // has opened the session, and the next one waits
					_, _ = io.Copy(io.Discard, body)
					w.ask(request)
				}
				last = w
			}
			receives := func() int { return srv.Account.Count(account.Receives) }
			testkit.Eventually(t, "all wait", func() bool { return receives() == many })
			testkit.Eventually(t, "the goroutines have gone", func() bool { return runtime.NumGoroutine() < before+many/2 })
			_ = last.conn.Close()
			testkit.Eventually(t, "the client's leaving is noticed", func() bool { return receives() == many-1 })
		})
	}
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
