package bench

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"fanfare/bench/report"
)

// Target is the server to measure, and the app to measure it with.
type Target struct {
	Host   string // host:port
	AppID  string
	Key    string
	Secret string
	PID    int // process id of the server on this machine; 0 omits its memory and processor time
	// Metrics is host:port of a fanfare's metrics; "" omits how its event loops
	// share the sockets.
	Metrics string
	// Protocol is the protocol of the server; "" means Pusher's.
	Protocol string
	// TLS is used by all connections, including HTTP callers; nil means plain TCP.
	TLS *tls.Config

	addr    netip.AddrPort
	dialect dialect
}

// resolve looks up the host once, so that every socket connects to one address.
func (t Target) resolve() (Target, error) {
	if t.AppID == "" || t.Key == "" || t.Secret == "" {
		return t, errors.New("an app's id, key and secret are required")
	}
	a, err := net.ResolveTCPAddr("tcp", t.Host)
	if err != nil {
		return t, fmt.Errorf("host %q: %w", t.Host, err)
	}
	if t.dialect, err = dialectOf(t.Protocol); err != nil {
		return t, err
	}
	if t.TLS != nil && t.TLS.ServerName == "" {
		t.TLS = t.TLS.Clone()
		t.TLS.ServerName, _, _ = net.SplitHostPort(t.Host) // resolved, so it has both parts
	}
	t.addr = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	return t, nil
}

// settings returns how the server was reached, for a result.
func (t Target) settings() (list []report.Setting) {
	if t.Protocol != "" && t.Protocol != ProtocolPusher {
		list = append(list, report.Setting{Name: "protocol", Value: t.Protocol})
	}
	if t.TLS != nil {
		list = append(list, report.Setting{Name: "over", Value: "TLS"})
	}
	return list
}

// portsPerAddress stays well below the usual 28,232 local ports of an address:
// Linux takes those of one parity first, and once these 14,116 are in use it
// looks at all of them for every connection, a fifth of the speed.
const portsPerAddress = 10_000

// source returns the address that socket i connects from. Only loopback has more
// than one.
func (t Target) source(i int) netip.Addr {
	a := t.addr.Addr()
	if i < portsPerAddress || !a.Is4() || !a.IsLoopback() {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte{127, 0, 1, byte(i / portsPerAddress)})
}
