package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fanfare/cluster/ledger"
	"fanfare/internal/testkit/freeport"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign writes NAME.crt and NAME.key.
func (a *authority) sign(name string, cert *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	cert.SerialNumber, cert.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	by, byKey := a.cert, a.key
	if by == nil {
		by, byKey = cert, key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, by, &key.PublicKey, byKey)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for end, block := range map[string]*pem.Block{"crt": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(a.path(name, end), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) path(name, end string) string { return filepath.Join(a.dir, name+"."+end) }

// server are the arguments of a server with TLS.
func (a *authority) server(port int) []string {
	return []string{
		"--tls-port", strconv.Itoa(port), "--tls-ca-cert-file", a.path("ca", "crt"),
		"--tls-cert-file", a.path("server", "crt"), "--tls-key-file", a.path("server", "key"),
	}
}

// client is the configuration of a node, with a certificate of that name.
func (a *authority) client(cert string) *tls.Config {
	a.t.Helper()
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	c.RootCAs.AddCert(a.cert)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(a.path(cert, "crt"), a.path(cert, "key"))
		if err != nil {
			a.t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func TestTLS_UserDatabaseAndPrefix(t *testing.T) {
	ca, port := newAuthority(t), freeport.Find(t)
	ca.sign("server", &x509.Certificate{DNSNames: []string{"redis.example"}})
	ca.sign("node", &x509.Certificate{})
	s := startServer(t, append(ca.server(port), "--tls-auth-clients", "yes")...)
	client := s.client()
	ask(t, client, "ACL", "SETUSER", "fan", "on", ">x", "~chat:eu{*", "&chat:eu{*", "+@all", "-@admin")
	ask(t, client, "ACL", "SETUSER", "default", "-ping", "resetkeys", "~*")
	configure := func(c *Config) {
		c.TLS = ca.client("node")
		c.TLS.ServerName = "redis.example"
		c.Username, c.Password, c.Database, c.Prefix = "fan", "x", 3, "chat:eu"
	}
	a, other := start(t, local(port), configure), start(t, local(port), configure, func(c *Config) { c.Database = 4 })
	a.untilUp()
	other.untilUp()
	epoch := a.link(5)
	for _, d := range []*desk{a, other} {
		d.Watch(d.part, room)
		d.Send(d.part, ledger.GetState{Subject: room})
		d.expect("answer ledger.GetState")
	}
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x")}})
	a.expect("push 1 kind=2 n=1 x")
	// In another database the same prefix is another cluster.
	other.Send(other.part, ledger.Poll{Node: 5, Epoch: epoch})
	other.expect("answer ledger.Poll head=0")
	if strings.Contains(strings.Join(other.events, "\n"), "push") {
		t.Errorf("the feeds of another database come: %q", other.events)
	}
	space := ask(t, client, "INFO", "keyspace")
	if text, _ := space.ToString(); !strings.Contains(text, "db3:") || !strings.Contains(text, "db4:") || strings.Contains(text, "db0:") {
		t.Errorf("keys are in %q", text)
	}
}

func TestTLS_SaysWhatIsWrong(t *testing.T) {
	ca, stranger, port := newAuthority(t), newAuthority(t), freeport.Find(t)
	ca.sign("server", &x509.Certificate{DNSNames: []string{"redis.example"}})
	stranger.sign("node", &x509.Certificate{})
	startServer(t, append(ca.server(port), "--tls-auth-clients", "yes")...)
	plain, _ := startTalker(t, "-ERR unknown command\r\n")
	named := func(c *tls.Config, name string) *tls.Config {
		c.ServerName = name
		return c
	}
	for want, it := range map[string]struct {
		addr string
		tls  *tls.Config
	}{
		"is signed by no authority that this node trusts": {local(port), named(stranger.client(""), "redis.example")},
		"is for another name":                             {local(port), ca.client("")},
		"refuses the certificate of this node":            {local(port), named(ca.client(""), "redis.example")},
		"does not speak TLS":                              {plain, named(ca.client(""), "redis.example")},
		"refuses the certificate of this node (remote": {local(port), named(func() *tls.Config {
			c := ca.client("")
			c.Certificates = stranger.client("node").Certificates
			return c
		}(), "redis.example")},
	} {
		t.Run(want, func(t *testing.T) {
			if got := refusal(t, it.addr, func(c *Config) { c.TLS = it.tls }); !strings.Contains(got, want) {
				t.Errorf("%q does not say %q", got, want)
			} else {
				t.Log(got)
			}
		})
	}
}

func TestTLS_OfARedisCluster(t *testing.T) {
	ca := newAuthority(t)
	ca.sign("server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	var ports []int
	c := startShards(t, 3, 0, func() []string {
		ports = append(ports, freeport.Find(t))
		return append(ca.server(ports[len(ports)-1]), "--tls-auth-clients", "no", "--tls-cluster", "yes")
	})
	a := start(t, local(ports[0]), func(c *Config) { c.TLS = ca.client("") })
	a.untilUp()
	epoch := a.link(5)
	a.Watch(a.part, room)
	a.Send(a.part, ledger.GetState{Subject: room})
	a.expect("answer ledger.GetState")
	a.Send(a.part, ledger.Do{Node: 5, Epoch: epoch, Ops: []ledger.Op{event(1, "x")}})
	a.expect("push 1 kind=2 n=1 x")
	for i, client := range c.clients {
		if m := ask(t, client, "CLIENT", "LIST"); !strings.Contains(m.String(), "name=fanfare") {
			t.Errorf("no connection to server %d", i)
		}
	}
}
