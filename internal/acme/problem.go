package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"golang.org/x/crypto/acme"
)

// problem returns the problem document of the ACME server in err; nil if there is
// none.
func problem(err error) *acme.Error {
	var said *acme.Error
	if errors.As(err, &said) {
		return said
	}
	var refused *acme.AuthorizationError
	if errors.As(err, &refused) {
		for _, e := range refused.Errors {
			if errors.As(e, &said) {
				return said
			}
		}
	}
	var order *acme.OrderError
	if errors.As(err, &order) {
		return order.Problem
	}
	return nil
}

// reason returns the error on one line. If the server sent a problem, it is only
// that.
func reason(err error) string {
	said := problem(err)
	if said == nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	text := said.Detail
	for _, s := range said.Subproblems {
		text += fmt.Sprintf("; %s: %s", s.Identifier, s.Detail)
	}
	var refused *acme.AuthorizationError
	if errors.As(err, &refused) {
		text = refused.Identifier + ": " + text
	}
	return strings.ReplaceAll(text, "\n", "; ") + " (" + problemName(said) + ")"
}

// problemName returns the last part of a problem's type (RFC 8555 §6.7).
func problemName(said *acme.Error) string {
	return said.ProblemType[strings.LastIndexByte(said.ProblemType, ':')+1:]
}

// remedy says what an operator can do about an error.
func (k *Keeper) remedy(err error) string {
	if said := problem(err); said != nil {
		return k.remedyOf(problemName(said))
	}
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		path     *fs.PathError
		request  *url.Error
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &hostname):
		return "the server at tls.acme.directory has a certificate of an authority that is not trusted; name that authority's file in tls.acme.ca_file"
	case errors.As(err, &path):
		return "make tls.acme.storage writable for the server's user"
	case errors.As(err, &request), errors.Is(err, context.DeadlineExceeded):
		return "the server has to reach " + k.cfg.Directory + " (tls.acme.directory): check DNS, firewall and HTTPS_PROXY"
	}
	return "none known; the next attempt may succeed"
}

func (k *Keeper) remedyOf(name string) string {
	port, where := "443", "listen"
	if k.cfg.HTTP {
		port, where = "80", "tls.acme.http_listen"
	}
	switch name {
	case "connection":
		return fmt.Sprintf("the ACME server has to reach port %s of the domain, and that port has to lead to %s: check addresses in DNS (IPv6 too), firewall and forwarding", port, where)
	case "dns":
		return "give each of tls.acme.domains an address in DNS that leads to this server"
	case "unauthorized", "incorrectResponse", "tls":
		return fmt.Sprintf("another server answers at port %s of the domain: check the addresses in DNS (IPv6 too), and that no proxy in front of %s terminates TLS or answers these requests itself", port, where)
	case "caa":
		return "a CAA record in DNS forbids this authority; allow it there, or choose another with tls.acme.directory"
	case "rateLimited":
		return "the ACME server limits the number of orders; keep tls.acme.storage across restarts, and use a staging directory for tests"
	case "rejectedIdentifier", "unsupportedIdentifier":
		return "this authority does not issue certificates for such a name; correct tls.acme.domains"
	case "invalidContact", "unsupportedContact":
		return "correct tls.acme.email"
	case "externalAccountRequired":
		return "this authority requires an account with it; set tls.acme.eab_key_id and tls.acme.eab_key to the values that it gave you"
	case "accountDoesNotExist":
		return "the ACME server no longer has the stored account; remove account.pem below tls.acme.storage"
	case "userActionRequired":
		return "the authority's terms have changed; read and accept them at its site"
	case "serverInternal":
		return "the ACME server has an internal error; the next attempt may succeed"
	}
	return "none known; look up the error type in RFC 8555, section 6.7"
}
