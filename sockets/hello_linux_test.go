package sockets

import (
	"io"
	"log/slog"
	"testing"

	"fanfare/internal/testkit/logbook"
)

// The commonest mistake of a first page is wss:// to a server without TLS.
func TestFront_ATLSHandshakeOnAPlainPort_IsLogged(t *testing.T) {
	l := loopByHand(t)
	b := logbook.New(slog.LevelDebug)
	l.server.cfg.Logger = b.Logger
	address, door := frontByHand(t, l)
	client, c := acceptByHand(t, l, address)
	if _, err := io.WriteString(client, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"); err != nil {
		t.Fatal(err)
	}
	for c.state == connOpen && !c.leaving() {
		l.turn(patience)
	}
	b.Expect(t, "level=DEBUG", `msg="TLS handshake on a port without TLS"`, "address=127.0.0.1")
	l.turn(0)
	closeHanded(t, door)
}
