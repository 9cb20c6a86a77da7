package bench

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// terminated is the target behind TLS.
func terminated(t *testing.T) Target {
	t.Helper()
	to, _ := terminatedBy(t)
	return to
}

// terminatedBy also returns the certificate.
func terminatedBy(t *testing.T) (Target, *x509.Certificate) {
	t.Helper()
	to := target(t)
	web := httptest.NewTLSServer(nil) // for its certificate
	config, authority := web.TLS.Clone(), web.Certificate()
	web.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	var pumps sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		pumps.Wait()
	})
	host := to.Host
	pumps.Go(func() {
		for {
			front, err := listener.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", host)
			if err != nil {
				_ = front.Close()
				continue
			}
			for _, ends := range [2][2]net.Conn{{front, back}, {back, front}} {
				pumps.Go(func() {
					_, _ = io.Copy(ends[0], ends[1])
					_ = front.Close()
					_ = back.Close()
				})
			}
		}
	})
	to.Host = listener.Addr().String()
	return to, authority
}

func TestSecure(t *testing.T) {
	const sockets = 20
	w := Secure{Sockets: sockets, Openers: 4, Settle: time.Millisecond, Hold: short}
	for _, resume := range []bool{false, true} {
		w.Resume = resume
		r, err := w.Run(t.Context(), terminated(t))
		if err != nil {
			t.Fatal(err)
		}
		positive(t, r, "connected and subscribed")
		if got, want := r.Value("sessions resumed"), map[bool]float64{true: sockets}[resume]; got != want {
			t.Errorf("%v sessions were resumed, want %v", got, want)
		}
	}
	w = Secure{Sockets: sockets, Openers: 4, Plain: true, Settle: time.Millisecond, Hold: short}
	positive(t, run(t, w), "connected and subscribed")
	if _, err := (Secure{Sockets: 1, Openers: 1}).Run(t.Context(), target(t)); err == nil {
		t.Error("a server without TLS is measured over TLS")
	}
}
