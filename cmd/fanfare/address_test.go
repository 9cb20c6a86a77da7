package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"fanfare/config"
)

// localhost has no meaning in an image without /etc/hosts.
func TestReach_DialsAddressesOnly(t *testing.T) {
	for listen, want := range map[string]string{
		":6001":           "127.0.0.1:6001 [::1]:6001",
		"0.0.0.0:6001":    "127.0.0.1:6001 [::1]:6001",
		"localhost:6001":  "127.0.0.1:6001 [::1]:6001",
		"[::]:6001":       "[::1]:6001 127.0.0.1:6001",
		"[::1]:6001":      "[::1]:6001",
		"127.0.0.2:6001":  "127.0.0.2:6001",
		"[fe80::1%x]:600": "[fe80::1%x]:600",
	} {
		if got := strings.Join(reach(&config.Config{}, listen).dial, " "); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}

// answering is a listener at the address, with fanfare's answer to /healthz.
func answering(t *testing.T, address string, cert *tls.Certificate) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the tests need the address %s: %v", address, err)
	}
	if cert != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*cert}})
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"status":"ok"}`) })}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestHealth_FindsTheServerWhereItListens(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	cert := writeCertificate(t, certFile, keyFile, "ws.example.com")
	for _, tt := range []struct {
		real, configured string
		flags            []string
		cert             *tls.Certificate
	}{
		{real: "127.0.0.1:0", configured: ":"},
		{real: "127.0.0.1:0", configured: "[::]:"},
		{real: "[::1]:0", configured: ":"},
		{real: "[::1]:0", configured: "[::]:"},
		{real: "[::1]:0", configured: "[::1]:"},
		{real: "[::1]:0", configured: "localhost:"},
		{real: "127.0.0.3:0", configured: "127.0.0.3:"},
		{real: "127.0.0.1:0", configured: ":", cert: cert, flags: []string{"--tls-cert", certFile, "--tls-key", keyFile}},
	} {
		t.Run(tt.real+" as "+tt.configured, func(t *testing.T) {
			port := answering(t, tt.real, tt.cert)
			out, err := execute(t, append([]string{"health", "--listen", tt.configured + port}, tt.flags...)...)
			if err != nil || out != "healthy\n" {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
}

func TestHealth_FreePort_AsksForTheAddress(t *testing.T) {
	if _, err := execute(t, "health", "--listen", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "--url") {
		t.Errorf("error %v", err)
	}
}

// What answers is looked at: 200 alone is said by every other server too.
func TestTrigger_AnswersOfOtherServers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string // of the error; empty is success
	}{
		"Pusher": {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "{}") }, ""},
		"a web page": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, "<html>welcome</html>")
		}, "another server is at this address"},
		"nothing":     {func(http.ResponseWriter, *http.Request) {}, "another server is at this address"},
		"a JSON text": {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `"ok"`) }, "another server"},
		"null":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `null`) }, "another server"},
		"soketi's no": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"error":"The secret authentication failed","code":401}`)
		}, "the answer is 401 The secret authentication failed"},
		"soketi's fault": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"error":"A server error has occurred.","code":500}`)
		}, "the answer is 500"},
		"soketi's yes": {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"ok":true}`) }, ""},
		"accepted": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = fmt.Fprint(w, "{}")
		}, "202 Accepted"},
		"a login page": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://login.test/?to="+r.URL.String(), http.StatusFound)
		}, "redirect (302 Found) to https://login.test;"},
		"an error page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(502)
			_, _ = fmt.Fprint(w, "<h1>bad")
		}, "502 Bad Gateway, with a web page"},
		"an echo": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			_, _ = fmt.Fprintf(w, "no %s\x1b[2J here", r.URL)
		}, "404 Not Found no /apps/"},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = fmt.Fprint(w, "{")
		}, "read the answer: unexpected EOF"},
		"an abort": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(tt.answer)
			defer s.Close()
			out, err := execute(t, "trigger", "--url", s.URL, "--channel", "a", "--event", "e")
			switch {
			case tt.want == "" && (err != nil || out != "sent e to a\n"):
				t.Errorf("%q, %v", out, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || out != ""):
				t.Errorf("%q, %v; want %q", out, err, tt.want)
			}
			wantNoSignature(t, err)
		})
	}
}

func wantNoSignature(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, secret := range []string{"auth_signature=", "app-secret", "hunter2", "\x1b"} {
		if text := err.Error(); strings.Contains(strings.ReplaceAll(text, "auth_signature=...", ""), secret) {
			t.Errorf("the error holds %q: %q", secret, text)
		}
	}
}

func TestURLFlag_Mistakes(t *testing.T) {
	for url, want := range map[string]string{
		"localhost:6001":                       "write http://localhost:6001",
		"127.0.0.1:6001":                       "write http://127.0.0.1:6001",
		"[::1]:6001":                           "write http://[::1]:6001",
		"chat.example/rt":                      "write http://chat.example/rt",
		"ws://localhost:6001":                  "http or https",
		"http://":                              "http or https",
		"http://[::1":                          "http or https",
		"http://u:hunter2@localhost:6001":      "parts besides scheme",
		"u:hunter2@localhost:6001":             "http or https",
		"http://localhost:6001/?token=hunter2": "parts besides scheme",
		"http://a b":                           "http or https",
		"://":                                  "http or https",
	} {
		for _, args := range [][]string{{"trigger", "--channel", "a", "--event", "e"}, {"health"}} {
			_, err := execute(t, append(args, "--url", url)...)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--url") {
				t.Errorf("%s --url %s: %v, want %q", args[0], url, err, want)
			}
			wantNoSignature(t, err)
		}
	}
}

func TestTrigger_NoAnswer_NamesNoSignature(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:1", "http://nowhere.invalid:6001", "http://127.0.0.1:99999", "https://127.0.0.1:1/rt"} {
		_, err := execute(t, "trigger", "--url", url, "--channel", "a", "--event", "e")
		if err == nil || !strings.Contains(err.Error(), "send the event to "+url) {
			t.Errorf("%s: %v", url, err)
		}
		wantNoSignature(t, err)
	}
	if err := withoutURL(errors.New("plain")); err == nil || err.Error() != "plain" {
		t.Errorf("another error became %v", err)
	}
}
