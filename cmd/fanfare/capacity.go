package main

import (
	"cmp"
	"fmt"
	"math"

	"fanfare/config"
	"fanfare/sockets"
)

// capacity is how many sockets and other connections the server takes, by its
// configuration and by how many files it may have open.
type capacity struct {
	sockets.Capacity
	requests int    // connections of HTTP that carry no socket
	warning  string // that the configuration wants more than there can be
}

// A socket takes one descriptor. The reserve is for everything else: requests
// of the HTTP API, health and metrics, sockets that are being opened or were
// refused (two descriptors each for a moment if they came through net/http),
// webhooks, the store, listeners and logs. When three quarters of it are taken
// as well, connections that can be missed are closed for those that come.
const (
	leastReserve = 64
	mostReserve  = 4096
	reserveShare = 16 // of the limit, or more where that is less than the least

	scarceShare = 4 // of the reserve

	// mostRequests is how many connections of HTTP there may be if nothing else
	// is configured. Each takes 20 KB while a request is handled.
	mostRequests = 4096

	// requestsShare is the part of the limit that they may take where sockets
	// could take all: they are closed for sockets.
	requestsShare = 4

	// endpointFiles are the connections that a webhook's endpoint may have.
	endpointFiles = 2
)

// newCapacity derives the bound of sockets from the limit of open files; 0
// files is no limit.
func newCapacity(cfg *config.Config, files uint64) capacity {
	wanted := cfg.Sockets.MaxConnections
	c := capacity{Capacity: sockets.Capacity{Sockets: wanted, Hint: fmt.Sprintf("sockets.max_connections is %d", wanted)}}
	c.requests = cmp.Or(cfg.HTTP.MaxConnections, mostRequests)
	if files == 0 || files > math.MaxInt32/2 {
		return c
	}
	limit := int(files)
	reserve := min(max(limit/reserveShare, leastReserve), mostReserve)
	for _, a := range cfg.Apps {
		reserve += endpointFiles * len(a.Webhooks)
	}
	reserve = min(reserve, limit/2)
	most := limit - reserve
	c.ScarceFrom = limit - reserve/scarceShare
	if wanted == 0 || wanted > most {
		c.Sockets = most
	}
	if cfg.HTTP.MaxConnections == 0 {
		c.requests = min(max(c.ScarceFrom-c.Sockets, limit/requestsShare), mostRequests)
	}
	if c.Sockets == wanted {
		return c
	}
	c.Hint = fmt.Sprintf("the limit of %d open files leaves room for %d sockets; raise it with LimitNOFILE= or ulimit -n", limit, most)
	if wanted == 0 {
		wanted = ofApps(cfg)
	}
	if wanted > most {
		c.warning = fmt.Sprintf("%d connections are configured, and %s", wanted, c.Hint)
	}
	return c
}

// ofApps is how many sockets the apps may have together, 0 if that is not
// bounded.
func ofApps(cfg *config.Config) (sum int) {
	for _, a := range cfg.Apps {
		if a.Limits.MaxConnections == 0 {
			return 0
		}
		sum += a.Limits.MaxConnections
	}
	return sum
}
