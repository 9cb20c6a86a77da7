package main

import (
	"cmp"
	"fmt"
	"math"

	"fanfare/config"
	"fanfare/sockets"
)

// capacity is how many sockets and other connections the server accepts, from its
// configuration and its limit of open files.
type capacity struct {
	sockets.Capacity
	requests int    // HTTP connections that carry no socket
	warning  string // set if the configuration allows more than the limit of open files does
}

// A socket takes one descriptor. The reserve is for everything else: requests
// of the HTTP API, health and metrics, sockets that are being opened or were
// refused (two descriptors each for a moment if they came through net/http),
// webhooks, the store, listeners and logs. When three quarters of the reserve are
// used as well, each new connection closes an expendable one.
const (
	leastReserve = 64
	mostReserve  = 4096
	reserveShare = 16 // the reserve is 1/16 of the limit, within the two bounds above

	scarceShare = 4 // descriptors are scarce while less than 1/4 of the reserve is free

	// mostRequests is the limit of HTTP connections without http.max_connections. Each takes 20 KB while a request is handled.
	mostRequests = 4096

	// requestsShare: HTTP connections may take 1/4 of the limit even where sockets
	// could take all of it, since idle ones are closed for new sockets.
	requestsShare = 4

	// endpointFiles is how many connections a webhook endpoint may have.
	endpointFiles = 2
)

// newCapacity derives the limits from the limit of open files; 0 files means no
// limit.
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

// ofApps returns how many sockets the apps may have together; 0 means no limit.
func ofApps(cfg *config.Config) (sum int) {
	for _, a := range cfg.Apps {
		if a.Limits.MaxConnections == 0 {
			return 0
		}
		sum += a.Limits.MaxConnections
	}
	return sum
}
