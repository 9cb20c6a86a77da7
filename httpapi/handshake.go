package httpapi

import (
	"encoding/base64"
	"net/http"
	"strings"

	"fanfare/pusherproto"
)

// checkHandshake checks an upgrade request against RFC 6455 §4.2.1. A request
// that fails is not from a WebSocket client and gets an HTTP error.
func checkHandshake(x *exchange) *pusherproto.Error {
	r := x.r
	if r.Method != http.MethodGet {
		x.Header().Set("Allow", http.MethodGet)
		return &pusherproto.Error{Code: http.StatusMethodNotAllowed, Message: "a WebSocket is opened with GET"}
	}
	if !r.ProtoAtLeast(1, 1) {
		return notAHandshake("a WebSocket is opened with HTTP/1.1")
	}
	if !headerHasToken(r.Header["Connection"], "upgrade") {
		return notAHandshake("the header Connection must contain Upgrade; a proxy may have dropped it")
	}
	if r.ContentLength != 0 {
		return notAHandshake("a WebSocket handshake has no body")
	}
	if v := r.Header["Sec-Websocket-Version"]; len(v) != 1 || strings.TrimSpace(v[0]) != "13" {
		x.Header().Set("Sec-WebSocket-Version", "13")
		return needsUpgrade(x, "Sec-WebSocket-Version must be 13")
	}
	if !validNonce(r.Header["Sec-Websocket-Key"]) {
		return notAHandshake("Sec-WebSocket-Key must be sent once, with 16 bytes in base64")
	}
	return nil
}

func notAHandshake(message string) *pusherproto.Error {
	return &pusherproto.Error{Code: http.StatusBadRequest, Message: message}
}

// needsUpgrade returns error 426, which must name the protocol to upgrade to
// (RFC 9110 §15.5.22).
func needsUpgrade(x *exchange, message string) *pusherproto.Error {
	x.Header().Set("Upgrade", "websocket")
	x.Header().Set("Connection", "Upgrade")
	return &pusherproto.Error{Code: http.StatusUpgradeRequired, Message: message}
}

func validNonce(keys []string) bool {
	if len(keys) != 1 || len(keys[0]) != 24 {
		return false
	}
	var nonce [18]byte
	n, err := base64.StdEncoding.Decode(nonce[:], []byte(keys[0]))
	return err == nil && n == 16
}

// headerHasToken reports whether comma-separated header values contain a token,
// ignoring case.
func headerHasToken(values []string, token string) bool {
	for _, value := range values {
		for rest, more := value, true; more; {
			var item string
			item, rest, more = strings.Cut(rest, ",")
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}
