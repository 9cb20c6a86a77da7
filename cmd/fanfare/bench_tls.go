package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// benchTLS holds the flags for a server that uses TLS.
type benchTLS struct {
	on       bool
	ca       string
	insecure bool
}

func (b *benchTLS) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.BoolVar(&b.on, "tls", false, "connect over TLS (wss and https)")
	f.StringVar(&b.ca, "ca", "", "PEM file with the CA certificates that sign the server's; implies --tls")
	f.BoolVar(&b.insecure, "insecure", false, "connect over TLS and accept any certificate")
}

// config returns the client's TLS configuration; nil without TLS.
func (b *benchTLS) config() (*tls.Config, error) {
	if !b.on && b.ca == "" && !b.insecure {
		return nil, nil
	}
	if b.ca != "" && b.insecure {
		return nil, mistake("--ca and --insecure exclude each other")
	}
	c := &tls.Config{NextProtos: []string{"http/1.1"}, InsecureSkipVerify: b.insecure} //nolint:gosec // what a benchmark sends is not secret
	if b.ca == "" {
		return c, nil
	}
	text, err := os.ReadFile(b.ca)
	if err != nil {
		return nil, mistake("--ca: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca: no certificate in %s", b.ca)
	}
	return c, nil
}
