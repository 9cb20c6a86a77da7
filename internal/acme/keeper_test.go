package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

const directory = "https://acme.example/directory"

// store puts a certificate into a folder, valid from and to so long from now.
func store(t *testing.T, f folder, from, to time.Duration, names ...string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: names, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.keep(key, [][]byte{der}); err != nil {
		t.Fatal(err)
	}
}

// keeper makes one for two domains on a storage, and gathers what it has used.
func keeper(t *testing.T, storage string, overHTTP bool) (*Keeper, *[]*tls.Certificate) {
	t.Helper()
	used := &[]*tls.Certificate{}
	k, err := New(Config{
		Domains: []string{"a.example", "b.example"}, Directory: directory, Storage: storage, HTTP: overHTTP,
		Use: func(cert *tls.Certificate) { *used = append(*used, cert) }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return k, used
}

func TestKeeper_StoredCertificate_UsedAndRenewedInTime(t *testing.T) {
	for _, test := range []struct {
		name     string
		from, to time.Duration
		names    []string
		due      bool
	}{
		{"fresh", 0, 90 * time.Hour, []string{"a.example", "b.example"}, false},
		{"just before two thirds", -59 * time.Hour, 31 * time.Hour, []string{"a.example", "b.example"}, false},
		{"just after two thirds", -61 * time.Hour, 29 * time.Hour, []string{"a.example", "b.example"}, true},
		{"expired", -90 * time.Hour, -time.Hour, []string{"a.example", "b.example"}, true},
		{"a name was added", 0, 90 * time.Hour, []string{"a.example"}, true},
		{"a name was removed", 0, 90 * time.Hour, []string{"a.example", "b.example", "c.example"}, false},
	} {
		storage := t.TempDir()
		f, err := openFolder(storage, directory)
		if err != nil {
			t.Fatal(err)
		}
		store(t, f, test.from, test.to, test.names...)
		k, used := keeper(t, storage, false)
		if len(*used) != 1 {
			t.Errorf("%s: %d certificates are used at the start, want 1", test.name, len(*used))
		}
		if due := k.until(time.Now()) <= 0; due != test.due {
			t.Errorf("%s: renewal is due: %t, want %t", test.name, due, test.due)
		}
	}
}

func TestKeeper_OfAnotherACMEServer_NotUsed(t *testing.T) {
	storage := t.TempDir()
	f, err := openFolder(storage, "https://staging.example/directory")
	if err != nil {
		t.Fatal(err)
	}
	store(t, f, 0, time.Hour, "a.example", "b.example")
	if k, used := keeper(t, storage, false); len(*used) != 0 || k.until(time.Now()) > 0 {
		t.Error("the certificate of a test server is used for another's")
	}
}

func TestKeeper_AnotherNodeStoresACertificate_Used(t *testing.T) {
	k, used := keeper(t, t.TempDir(), false)
	for want := 1; want <= 2; want++ {
		store(t, k.kept, 0, time.Hour, "a.example", "b.example")
		for range 2 {
			if err := k.look(); err != nil {
				t.Fatal(err)
			}
		}
		if len(*used) != want {
			t.Fatalf("%d certificates were used, want %d", len(*used), want)
		}
	}
	if err := k.attempt(t.Context(), false); err != nil { // would ask acme.example otherwise
		t.Errorf("an attempt beside a fresh certificate: %v", err)
	}
}

func TestNew_BrokenFiles_Refused(t *testing.T) {
	storage := t.TempDir()
	f, err := openFolder(storage, directory)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.write(certificateFile, []byte("nonsense")); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(storage, "ca.pem")
	if err := os.WriteFile(ca, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for part, cfg := range map[string]Config{
		"remove it to obtain another": {Storage: storage, Directory: directory},
		"no certificate in PEM form":  {Storage: t.TempDir(), CAFile: ca},
		"tls.acme.ca_file":            {Storage: t.TempDir(), CAFile: filepath.Join(storage, "none.pem")},
		"tls.acme.storage":            {Storage: ca},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error is %v, want one with %q", err, part)
		}
	}
}

func TestKeeper_Handshakes(t *testing.T) {
	k, _ := keeper(t, t.TempDir(), false)
	if _, err := k.kept.accountKey(true); err != nil {
		t.Fatal(err)
	}
	ask := func(name string, protocols ...string) (*tls.Certificate, bool, error) {
		return k.Challenge(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: protocols})
	}
	if err := k.kept.putChallenge(tlsALPN, "a.example", "token"); err != nil {
		t.Fatal(err)
	}
	cert, handled, err := ask("A.example", acme.ALPNProto)
	if err != nil || !handled {
		t.Fatalf("handled %t, %v", handled, err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil || leaf.VerifyHostname("a.example") != nil {
		t.Errorf("%v; the certificate is for %v", err, leaf.DNSNames)
	}
	for _, protocols := range [][]string{nil, {"http/1.1"}, {"http/1.1", acme.ALPNProto}} {
		if _, handled, _ := ask("a.example", protocols...); handled {
			t.Errorf("a client with %q is taken for an ACME server", protocols)
		}
	}
	for _, name := range []string{"b.example", "c.example", "", "../../etc/passwd"} {
		if cert, handled, err := ask(name, acme.ALPNProto); cert != nil || !handled || err == nil {
			t.Errorf("%q: certificate %v, handled %t, %v", name, cert, handled, err)
		}
	}
	k.kept.removeChallenge(tlsALPN, "a.example")
	if _, _, err := ask("a.example", acme.ALPNProto); err == nil {
		t.Error("a challenge is answered that is over")
	}
}

func TestKeeper_Requests(t *testing.T) {
	k, _ := keeper(t, t.TempDir(), true)
	key, err := k.kept.accountKey(true)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.kept.putChallenge(http01, "to-ken_1", "to-ken_1"); err != nil {
		t.Fatal(err)
	}
	thumbprint, err := acme.JWKThumbprint(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, host, target string
		status               int
		says                 string
	}{
		{"GET", "a.example", challengePath + "to-ken_1", 200, "to-ken_1." + thumbprint},
		{"GET", "a.example", challengePath + "other", 404, ""},
		{"GET", "a.example", challengePath, 404, ""},
		{"GET", "a.example", challengePath + "..%2F" + accountFile, 404, ""},
		{"GET", "A.example:80", "/x?y=1", 301, "https://a.example/x?y=1"},
		{"POST", "a.example", "/x", 404, "use https"},
		{"GET", "c.example", "/x", 404, "use https"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(test.method, test.target, nil)
		r.Host = test.host
		k.ServeHTTP(w, r)
		if says := w.Header().Get("Location") + w.Body.String(); w.Code != test.status || !strings.Contains(says, test.says) {
			t.Errorf("%s %s at %s: %d %q, want %d %q", test.method, test.target, test.host, w.Code, says, test.status, test.says)
		}
	}
}

func TestFolder_FilesAreForTheirUserAlone(t *testing.T) {
	f, err := openFolder(filepath.Join(t.TempDir(), "acme"), directory)
	if err != nil {
		t.Fatal(err)
	}
	first, err := f.accountKey(true)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.accountKey(true); err != nil || !again.Equal(first) {
		t.Errorf("another key at the second time: %v", err)
	}
	store(t, f, 0, time.Hour, "a.example")
	err = filepath.WalkDir(string(f), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReasonAndRemedy(t *testing.T) {
	k, _ := keeper(t, t.TempDir(), false)
	said := func(kind, detail string) *acme.Error {
		return &acme.Error{StatusCode: http.StatusForbidden, ProblemType: "urn:ietf:params:acme:error:" + kind, Detail: detail}
	}
	for _, test := range []struct {
		err            error
		reason, remedy string
	}{
		{&acme.AuthorizationError{Identifier: "a.example", Errors: []error{said("connection", "refused\nby it")}}, "a.example: refused; by it (connection)", "reach port 443"},
		{&acme.AuthorizationError{Identifier: "a.example", Errors: []error{said("dns", "no such name")}}, "no such name (dns)", "address in DNS"},
		{said("rateLimited", "too many"), "too many (rateLimited)", "staging"},
		{said("externalAccountRequired", "who?"), "who? (externalAccountRequired)", "tls.acme.eab_key_id"},
		{&acme.OrderError{Status: "invalid", Problem: said("caa", "forbidden")}, "forbidden (caa)", "CAA record"},
		{&acme.OrderError{Status: "invalid"}, "invalid", "none known"},
		{&fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}, "/x", "writable"},
		{errors.New("x"), "x", "none known"},
	} {
		if got := reason(test.err); !strings.Contains(got, test.reason) {
			t.Errorf("the reason is %q, want %q", got, test.reason)
		}
		if got := k.remedy(test.err); !strings.Contains(got, test.remedy) {
			t.Errorf("the remedy of %v is %q, want %q", test.err, got, test.remedy)
		}
	}
}
