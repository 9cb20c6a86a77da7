package acme

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/crypto/acme"
)

// kind is a type of challenge, which proves that a domain leads to this server.
type kind string

const (
	http01  kind = "http-01"     // RFC 8555 §8.3
	tlsALPN kind = "tls-alpn-01" // RFC 8737
)

func (k *Keeper) kind() kind {
	if k.cfg.HTTP {
		return http01
	}
	return tlsALPN
}

// Protocols returns the ALPN protocols that the TLS listener must support in
// addition to its own.
func (k *Keeper) Protocols() []string {
	if k.cfg.HTTP {
		return nil
	}
	return []string{acme.ALPNProto}
}

// Challenge returns the certificate for a TLS-ALPN-01 handshake of the ACME
// server. handled is false for any other handshake.
func (k *Keeper) Challenge(hello *tls.ClientHelloInfo) (cert *tls.Certificate, handled bool, err error) {
	if k.cfg.HTTP || len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != acme.ALPNProto {
		return nil, false, nil
	}
	domain := strings.ToLower(hello.ServerName)
	if !slices.Contains(k.cfg.Domains, domain) {
		return nil, true, errors.New("an ACME challenge for a domain that is not in tls.acme.domains")
	}
	token, client, err := k.answer(tlsALPN, domain)
	if err != nil {
		return nil, true, err
	}
	made, err := client.TLSALPN01ChallengeCert(token, domain)
	return &made, true, err
}

// answer returns the token of an open challenge, which any node may have stored,
// and a client that signs with the key of the account.
func (k *Keeper) answer(kind kind, name string) (string, *acme.Client, error) {
	token, err := k.kept.challenge(kind, name)
	if err != nil {
		return "", nil, err
	}
	key, err := k.kept.accountKey(false)
	if err != nil {
		return "", nil, err
	}
	return token, &acme.Client{Key: key}, nil
}

const challengePath = "/.well-known/acme-challenge/"

// ServeHTTP answers HTTP-01 challenges, and redirects other GET requests for the
// domains to https.
func (k *Keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if token, found := strings.CutPrefix(r.URL.Path, challengePath); found {
		token, client, err := k.answer(http01, token)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		body, err := client.HTTP01ChallengeResponse(token)
		if err != nil {
			http.Error(w, "the challenge cannot be answered", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, body)
		return
	}
	host, _, _ := strings.Cut(strings.ToLower(r.Host), ":")
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !slices.Contains(k.cfg.Domains, host) {
		http.Error(w, "this address serves ACME challenges; use https", http.StatusNotFound)
		return
	}
	http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusMovedPermanently)
}
