package main

import (
	"net"
	"strings"
	"testing"
	"unicode"
)

// stranger is a server that answers whatever it is asked with the same bytes.
func stranger(t *testing.T, answer string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// What another server says reaches a terminal in part, without what a terminal
// would obey and without a signature.
func TestStrangers_WhatTheyAnswer_IsShownBrieflyAndPlainly(t *testing.T) {
	const signature = "0123456789abcdef0123456789abcdef"
	for name, answer := range map[string]string{
		"type":     "HTTP/1.1 200 OK\r\nContent-Type: \u009b31m" + strings.Repeat("z", 50000) + "\r\n\r\nx",
		"status":   "HTTP/1.1 400 \x1b[31m" + strings.Repeat("A", 50000) + "\r\n\r\n",
		"page":     "HTTP/1.1 500 \u009b31m\r\nContent-Type: text/html\r\n\r\n",
		"redirect": "HTTP/1.1 302 \u009b31m\r\nLocation: http://" + strings.Repeat("a", 5000) + "/?auth_signature=" + signature + "\r\n\r\n",
		"header":   "HTTP/1.1 302 Found\r\nLocation: http://x/\x1b?auth_signature=" + signature + "\r\n\r\n",
		"body":     "HTTP/1.1 500 Oh\r\n\r\n\x1b[2J \u009b auth_signature=" + signature + strings.Repeat("b", 5000),
	} {
		for _, command := range [][]string{{"health"}, {"trigger", "--channel", "c", "--event", "e"}} {
			t.Run(name+"/"+command[0], func(t *testing.T) {
				_, err := execute(t, append(command, "--url", stranger(t, answer))...)
				if err == nil {
					t.Fatal("it succeeded")
				}
				text := err.Error()
				if len(text) > 2000 {
					t.Errorf("%d bytes are shown", len(text))
				}
				if strings.ContainsFunc(text, unicode.IsControl) {
					t.Errorf("a control character is shown: %q", text)
				}
				if strings.Contains(text, signature) {
					t.Errorf("a signature is shown: %s", text)
				}
			})
		}
	}
}
