package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"golang.org/x/crypto/acme"
)

// reach returns a client with the stored account, after it has read the directory
// of the ACME server, which does not count toward its limits.
func (k *Keeper) reach(ctx context.Context) (*acme.Client, error) {
	key, err := k.kept.accountKey(true)
	if err != nil {
		return nil, err
	}
	client := &acme.Client{Key: key, HTTPClient: k.http, DirectoryURL: k.cfg.Directory, UserAgent: k.cfg.UserAgent}
	_, err = client.Discover(ctx)
	return client, err
}

// order obtains one certificate for all domains (RFC 8555): account, order, a
// challenge for each domain, certificate. It returns its key and its chain in DER
// form.
func (k *Keeper) order(ctx context.Context, client *acme.Client) (*ecdsa.PrivateKey, [][]byte, error) {
	if err := k.register(ctx, client); err != nil {
		return nil, nil, fmt.Errorf("the account: %w", err)
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(k.cfg.Domains...))
	if err != nil {
		return nil, nil, fmt.Errorf("the order: %w", err)
	}
	for _, url := range order.AuthzURLs {
		if err := k.authorize(ctx, client, url); err != nil {
			return nil, nil, err
		}
	}
	if _, err = client.WaitOrder(ctx, order.URI); err != nil { // the order that it returns has no URI
		return nil, nil, fmt.Errorf("the order: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: k.cfg.Domains}, key)
	if err != nil {
		return nil, nil, err
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, nil, fmt.Errorf("the certificate: %w", err)
	}
	return key, chain, nil
}

// register creates the account at the ACME server, unless it exists.
func (k *Keeper) register(ctx context.Context, client *acme.Client) error {
	account := &acme.Account{}
	if k.cfg.Email != "" {
		account.Contact = []string{"mailto:" + k.cfg.Email}
	}
	if k.cfg.EABKeyID != "" {
		account.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: k.cfg.EABKeyID, Key: k.cfg.EABKey}
	}
	_, err := client.Register(ctx, account, acme.AcceptTOS)
	if errors.Is(err, acme.ErrAccountAlreadyExists) {
		err = nil
	}
	return err
}

// authorize proves to the ACME server that one domain leads to this server.
func (k *Keeper) authorize(ctx context.Context, client *acme.Client, url string) error {
	authz, err := client.GetAuthorization(ctx, url)
	if err != nil {
		return fmt.Errorf("an authorization: %w", err)
	}
	domain := authz.Identifier.Value
	if authz.Status == acme.StatusValid {
		return nil
	}
	kind := k.kind()
	for _, challenge := range authz.Challenges {
		if challenge.Type != string(kind) {
			continue
		}
		name := challenge.Token
		if kind == tlsALPN {
			name = domain
		}
		if err := k.kept.putChallenge(kind, name, challenge.Token); err != nil {
			return err
		}
		defer k.kept.removeChallenge(kind, name)
		if _, err := client.Accept(ctx, challenge); err != nil {
			return fmt.Errorf("the challenge of %s: %w", domain, err)
		}
		if _, err := client.WaitAuthorization(ctx, url); err != nil {
			return fmt.Errorf("the challenge of %s: %w", domain, err)
		}
		return nil
	}
	return fmt.Errorf("the ACME server offers no %s challenge for %s", kind, domain)
}
