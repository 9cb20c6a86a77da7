package sockets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
)

// The PROXY protocol (HAProxy's proxy-protocol.txt): a proxy that forwards bytes, not
// requests, first sends a header with the client's address.

// proxyHeader is the content of a PROXY header.
type proxyHeader struct {
	// source is the client's address. It is invalid if the proxy itself is the
	// client, as in health checks, or does not know the address.
	source netip.AddrPort
	// secure: the client's connection to the proxy is encrypted. Only version 2
	// has this.
	secure bool
}

// Maximum sizes of a header. Version 2 allows 64 KiB; proxies send a few hundred bytes.
const (
	longestV1 = 107
	longestV2 = 4 << 10
)

const (
	signatureV1 = "PROXY "
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
	fixedV2     = len(signatureV2) + 4
)

// The families and transports of version 2 that a stream can have.
const (
	unspecifiedV2 = 0x00
	tcp4V2        = 0x11
	tcp6V2        = 0x21
	unixV2        = 0x31
)

// The type-length-value of version 2 about TLS (§2.2.5), and its bit for a client that
// is connected over TLS.
const (
	typeSSL   = 0x20
	clientSSL = 0x01
)

// The errors of readProxyHeader.
var (
	errNoProxyHeader  = errors.New("there is no PROXY header")
	errBadProxyHeader = errors.New("the PROXY header is malformed")
)

// readProxyHeader reads a header of either version at the start of b and returns
// its length; 0 without an error means that more has to arrive. The error is
// errNoProxyHeader if b begins with something else.
func readProxyHeader(b []byte) (h proxyHeader, size int, err error) {
	switch {
	case begins(b, signatureV1):
		return readProxyV1(b)
	case begins(b, signatureV2):
		return readProxyV2(b)
	}
	return proxyHeader{}, 0, errNoProxyHeader
}

// begins reports whether b begins with a signature, or is the start of one.
func begins(b []byte, signature string) bool {
	n := min(len(b), len(signature))
	return string(b[:n]) == signature[:n]
}

// readProxyV1 reads version 1, a line of text: PROXY TCP4 SOURCE TARGET PORT PORT.
func readProxyV1(b []byte) (h proxyHeader, size int, err error) {
	line := b[:min(len(b), longestV1)]
	end := bytes.IndexByte(line, '\n')
	switch {
	case end < 0 && len(line) < longestV1:
		return h, 0, nil
	case end < 1 || line[end-1] != '\r':
		return h, 0, errBadProxyHeader
	}
	size = end + 1
	words := bytes.Split(line[len(signatureV1):end-1], []byte(" "))
	family := string(words[0])
	if family == "UNKNOWN" { // the rest of the line does not matter
		return h, size, nil
	}
	if family != "TCP4" && family != "TCP6" || len(words) != 5 {
		return h, 0, errBadProxyHeader
	}
	source, bad := endpointV1(words[1], words[3], family == "TCP6")
	_, worse := endpointV1(words[2], words[4], family == "TCP6")
	if bad || worse {
		return h, 0, errBadProxyHeader
	}
	h.source = source
	return h, size, nil
}

func endpointV1(address, port []byte, six bool) (at netip.AddrPort, bad bool) {
	addr, err := netip.ParseAddr(string(address))
	n, portErr := strconv.ParseUint(string(port), 10, 16)
	if err != nil || addr.Zone() != "" || addr.Is6() != six || portErr != nil || strconv.FormatUint(n, 10) != string(port) {
		return at, true
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), false
}

// readProxyV2 reads version 2, which is binary.
func readProxyV2(b []byte) (h proxyHeader, size int, err error) {
	if len(b) < fixedV2 {
		return h, 0, nil
	}
	command, family := b[len(signatureV2)], b[len(signatureV2)+1]
	size = fixedV2 + int(binary.BigEndian.Uint16(b[len(signatureV2)+2:]))
	const local, proxied = 0x20, 0x21 // of version 2
	if command != local && command != proxied || size > longestV2 {
		return h, 0, errBadProxyHeader
	}
	addresses, known := addressBytes(family)
	if command == proxied && (!known || size-fixedV2 < addresses) {
		return h, 0, errBadProxyHeader
	}
	if len(b) < size {
		return h, 0, nil
	}
	if command == local {
		return h, size, nil
	}
	body := b[fixedV2:size]
	switch family {
	case tcp4V2:
		h.source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body)), binary.BigEndian.Uint16(body[8:]))
	case tcp6V2:
		h.source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body)).Unmap(), binary.BigEndian.Uint16(body[32:]))
	}
	if family != unspecifiedV2 {
		if h.secure, err = secureV2(body[addresses:]); err != nil {
			return proxyHeader{}, 0, err
		}
	}
	return h, size, nil
}

// addressBytes returns the length of the addresses of a family. known is false if a
// stream cannot have the family.
func addressBytes(family byte) (n int, known bool) {
	switch family {
	case unspecifiedV2:
		return 0, true
	case tcp4V2:
		return 2*4 + 2*2, true
	case tcp6V2:
		return 2*16 + 2*2, true
	case unixV2:
		return 2 * 108, true
	}
	return 0, false
}

// secureV2 reads the type-length-values after the addresses, and returns whether the
// client is connected over TLS.
func secureV2(values []byte) (secure bool, err error) {
	for len(values) > 0 {
		if len(values) < 3 {
			return false, errBadProxyHeader
		}
		kind, length := values[0], int(binary.BigEndian.Uint16(values[1:]))
		if values = values[3:]; len(values) < length {
			return false, errBadProxyHeader
		}
		if kind == typeSSL && length > 0 {
			secure = values[0]&clientSSL != 0
		}
		values = values[length:]
	}
	return secure, nil
}
