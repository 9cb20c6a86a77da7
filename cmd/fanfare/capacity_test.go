package main

import (
	"testing"

	"fanfare/config"
)

func TestCapacity_RequestsFollowFromTheLimitOfOpenFiles(t *testing.T) {
	for _, tc := range []struct {
		files         uint64
		sockets, http int
		want          int
	}{
		{0, 0, 0, 4096},            // not known
		{1024, 0, 0, 256},          // a quarter
		{700, 300, 0, 384},         // beside the sockets, less a quarter of the reserve
		{1 << 20, 0, 0, 4096},      // the most
		{1 << 20, 1000, 0, 4096},   // however much is free
		{1024, 0, 100, 100},        // as configured
		{1024, 0, 10000, 10000},    // also above the limit: descriptors have a bound of their own
		{0, 0, 10000, 10000},       // where it is not known
		{100_000, 95_904, 0, 4096}, // the reserve is smaller
	} {
		cfg := config.Defaults()
		cfg.Sockets.MaxConnections, cfg.HTTP.MaxConnections = tc.sockets, tc.http
		if got := newCapacity(&cfg, tc.files).requests; got != tc.want {
			t.Errorf("%d files, %d sockets and %d connections configured: %d, want %d", tc.files, tc.sockets, tc.http, got, tc.want)
		}
	}
}
