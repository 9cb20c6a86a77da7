// Package freeport finds ports for programs that a test starts later, or again.
package freeport

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Ports between these are not those that systems give to connections: one of
// those may be taken meanwhile, by the very client that waits for the program.
const (
	first = 10_000
	end   = 32_000
)

// Find returns a port of the loopback interface that nobody listens on. It is
// random, so that others who look for one at the same time find another.
func Find(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := first + rand.IntN(end-first) //nolint:gosec // any port is as good
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return 0
}
