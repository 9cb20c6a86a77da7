package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fanfare/appstore"
	"fanfare/config"
)

// caller holds the flags with which a command finds a server and one of its apps,
// whose HTTP API or WebSocket it uses.
type caller struct {
	url, app, ca string
}

// addTo adds the flags: those of the configuration for the server's address and
// the app's key, and --url, --app and --ca for another server.
func (c *caller) addTo(cmd *cobra.Command) {
	addFindingFlags(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&c.url, "url", "", "address of the server, such as http://localhost:6001 (that of the configuration)")
	f.StringVar(&c.app, "app", "", "id of the app (the first of the configuration)")
	f.StringVar(&c.ca, "ca", "", "PEM file with CA certificates to trust besides the system's")
	completes(cmd, "app", completeApps)
	completesFiles(cmd)
}

// addFindingFlags adds --config and the flags of the configuration that decide the
// server's address and the app's key.
func addFindingFlags(set *pflag.FlagSet) {
	var names []string
	for _, f := range finding {
		names = append(names, f.flag)
	}
	addFlagsOf(set, names...)
}

// addAppFlags adds only --config and the flags that define an app.
func addAppFlags(set *pflag.FlagSet) { addFlagsOf(set, "config", "app-id", "app-key", "app-secret") }

func addFlagsOf(set *pflag.FlagSet, names ...string) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.String("config", "", configDoc)
	config.AddFlags(all)
	for _, name := range names {
		set.AddFlag(all.Lookup(name))
	}
}

// open returns the API of the server and the app that the flags select.
func (c *caller) open(cmd *cobra.Command) (api, error) {
	cfg, _, err := loadConfig(cmd.Flags())
	if err != nil {
		return api{}, err
	}
	app, err := chooseApp(cfg, c.app)
	if err != nil {
		return api{}, err
	}
	at := reach(cfg, cfg.Listen)
	if cert, err := certificate(cfg); err == nil { // this user may not be allowed to read the key
		at = at.named(cert)
	}
	p, err := at.given(c.url)
	if err != nil {
		return api{}, err
	}
	if p.trust, err = trusting(c.ca); err != nil {
		return api{}, err
	}
	return api{p, app}, nil
}

// chooseApp returns the app with an id; "" means the first.
func chooseApp(cfg *config.Config, id string) (config.App, error) {
	list := cfg.Apps
	if cfg.Store.InDatabase() {
		list = cfg.FileApps // not served, but flags or environment variables may define one
		if id != "" || len(list) == 0 {
			app, err := storedApp(cfg, id)
			if err == nil || !slices.ContainsFunc(list, func(a config.App) bool { return a.ID == id }) {
				return app, err
			}
		}
	}
	ids := make([]string, 0, len(list))
	for _, a := range list {
		if id == "" || a.ID == id {
			return a, nil
		}
		ids = append(ids, a.ID)
	}
	return config.App{}, mistake("the configuration has no app with the id %q, only %s", id, strings.Join(ids, ", "))
}

// storedApp returns the app of the database with an id; "" means the first.
func storedApp(cfg *config.Config, id string) (config.App, error) {
	s, err := newStore(cfg)
	if err != nil {
		return config.App{}, err
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if id != "" {
		a, err := s.Get(ctx, id)
		if errors.Is(err, appstore.ErrNotFound) {
			return config.App{}, mistake("the store has no app with the id %q", id)
		}
		if err != nil {
			return config.App{}, err
		}
		return a.App, nil
	}
	list, _, err := s.Page(ctx, "", 1)
	switch {
	case err != nil:
		return config.App{}, err
	case len(list) == 0:
		return config.App{}, mistake("the store has no usable app; create one with `fanfare apps create`")
	}
	return list[0].App, nil
}

// trusting returns a TLS configuration that trusts the CA certificates of a file
// besides the system's; nil, which trusts only the system's, if file is "".
func trusting(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // the system has none
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca: %s contains no PEM certificate", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
