package httpapi

import (
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestNameless_ProxiesAreToldApartAndBounded(t *testing.T) {
	var n nameless
	now := time.Now()
	proxy := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	warnings := 0
	for range 2 {
		for i := range 2 * mostNameless {
			if n.first(proxy(i), now) {
				warnings++
			}
		}
	}
	if warnings != mostNameless || len(n.warned) != mostNameless {
		t.Errorf("%d warnings for %d addresses, and %d are kept", warnings, 2*mostNameless, len(n.warned))
	}
	if !n.first(proxy(2*mostNameless), now.Add(namelessEvery)) || len(n.warned) != 1 {
		t.Errorf("%d addresses are kept after an hour", len(n.warned))
	}
}

// A proxy that names its clients pays for the look at its header alone.
func TestNameless_NamedClient_CostsNothing(t *testing.T) {
	s := configured(Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	r := &http.Request{RemoteAddr: "10.0.0.1:5", Header: http.Header{"X-Forwarded-For": {"198.51.100.1"}}}
	if allocs := testing.AllocsPerRun(100, func() { s.missClient(r) }); allocs != 0 || s.nameless.warned != nil {
		t.Errorf("%v allocations, %d proxies are kept", allocs, len(s.nameless.warned))
	}
}
