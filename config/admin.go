package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Admin configures the admin API and its listener.
type Admin struct {
	Listen      string       `key:"listen" flag:"admin-listen" rule:"address_or_empty" reload:"no" doc:"Address of the admin API, such as 127.0.0.1:6003. Empty turns it off. An address that other machines can reach requires tokens and TLS."`
	TLS         AdminTLS     `key:"tls" doc:"Certificate of the admin API. Without one, an address that other machines can reach uses the server's certificate (tls), and a loopback address is served without TLS."`
	BehindProxy bool         `key:"behind_proxy" reload:"no" doc:"Serve the admin API without TLS on an address that other machines can reach, because a proxy in front terminates TLS and only the proxy can reach it. Tokens pass unencrypted between the two. Set it for a proxy on the same machine too: a loopback address then requires tokens."`
	Tokens      []AdminToken `key:"tokens" doc:"Tokens that may call the admin API. An empty list is allowed on a loopback address without behind_proxy; everybody on this machine then has the role admin."`
}

// AdminTLS names a PEM certificate and its key. Both or neither are set.
type AdminTLS struct {
	CertFile string `key:"cert_file" reload:"no" doc:"PEM file with the certificate and its chain. The file is read again at every reload."`
	KeyFile  string `key:"key_file" reload:"no" doc:"PEM file with the private key."`
}

// AdminToken is a token that authenticates callers of the admin API.
type AdminToken struct {
	Name string `key:"name" rule:"token_name" doc:"Name of the token's holder, shown in the log."`
	Hash string `key:"hash" rule:"token_hash" doc:"SHA-256 of the token in hex. fanfare admin token prints a token and its hash."`
	Role string `key:"role" oneof:"read operate admin" doc:"What the token may do. read can look; operate can also send events, close sockets, replay webhooks and see payloads; admin can also see secrets and take profiles."`
}

// AdminOnLoopback reports whether only this machine can reach admin.listen.
func (c *Config) AdminOnLoopback() bool {
	host, _, err := net.SplitHostPort(c.Admin.Listen)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// AdminOverTLS reports whether the admin API is served over TLS.
func (c *Config) AdminOverTLS() bool {
	return c.Admin.TLS.CertFile != "" || c.TLS.Enabled() && !c.AdminOnLoopback() && !c.Admin.BehindProxy
}

func checkAdmin(c *Config, r *report) {
	a := &c.Admin
	switch {
	case a.TLS.CertFile != "" && a.TLS.KeyFile == "":
		r.add("admin.tls.key_file", "is missing; admin.tls.cert_file needs its private key")
	case a.TLS.KeyFile != "" && a.TLS.CertFile == "":
		r.add("admin.tls.cert_file", "is missing; admin.tls.key_file needs its certificate")
	}
	names, hashes := map[string]bool{}, map[string]bool{}
	for i, t := range a.Tokens {
		path := fmt.Sprintf("admin.tokens.%d", i)
		if names[t.Name] && t.Name != "" {
			r.add(path+".name", fmt.Sprintf("%q is already the name of another token", t.Name))
		}
		if hash := strings.ToLower(t.Hash); hashes[hash] && hash != "" {
			r.add(path+".hash", "is already the hash of another token")
		}
		names[t.Name], hashes[strings.ToLower(t.Hash)] = true, true
	}
	if a.Listen == "" {
		return
	}
	if sameAddress(a.Listen, c.Listen) {
		r.add("admin.listen", fmt.Sprintf("%q is also the address of clients; give the admin API one of its own, such as \"127.0.0.1:6003\"", a.Listen))
	}
	if sameAddress(a.Listen, c.Metrics.Listen) {
		r.add("admin.listen", fmt.Sprintf("%q is also the address of metrics; give the admin API one of its own, such as \"127.0.0.1:6003\"", a.Listen))
	}
	if c.AdminOnLoopback() {
		if a.BehindProxy && len(a.Tokens) == 0 {
			r.add("admin.tokens", "is empty, but admin.behind_proxy is true, so others can reach the admin API through the proxy; add a token (`fanfare admin token` makes one), or set admin.behind_proxy to false")
		}
		return
	}
	if len(a.Tokens) == 0 {
		r.add("admin.tokens", fmt.Sprintf("is empty, but other machines can reach %q; add a token (`fanfare admin token` makes one), or listen on 127.0.0.1", a.Listen))
	}
	if !c.AdminOverTLS() && !a.BehindProxy {
		r.add("admin.tls.cert_file", fmt.Sprintf("is missing, but other machines can reach %q: tokens would be sent unencrypted; set a certificate, or set admin.behind_proxy if a proxy terminates TLS", a.Listen))
	}
}

func checkTokenName(s string) error {
	if len(s) > 64 {
		return errors.New("is longer than 64 characters")
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.@", c) {
			return fmt.Errorf("%q is not a valid token name; use letters, digits and - _ . @", s)
		}
	}
	return nil
}

// checkTokenHash does not repeat the text: it may be a token.
func checkTokenHash(s string) error {
	if b, err := hex.DecodeString(s); err != nil || len(b) != 32 {
		return errors.New("is not a SHA-256 hash, which has 64 hexadecimal digits; `fanfare admin token` prints a token and its hash")
	}
	return nil
}

// Masked returns the configuration as Print shows it, as a tree with the keys
// of the file. It leaves the apps out, because there may be many: Documents
// returns each of them.
func (c *Config) Masked() (map[string]any, error) {
	server := *c
	server.Apps = nil
	values := map[string]any{}
	if err := yaml.Unmarshal(server.Print(), &values); err != nil {
		return nil, fmt.Errorf("read what is printed: %w", err)
	}
	delete(values, "apps")
	return values, nil
}
