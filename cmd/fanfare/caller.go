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

// caller is what the commands have in common that speak to a server for one of
// its apps: the flags that find both.
type caller struct {
	url, app, ca string
}

// addTo gives a command the flags: those of the configuration that say where a
// server is and who may call it, and what another server needs.
func (c *caller) addTo(cmd *cobra.Command) {
	addFindingFlags(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&c.url, "url", "", "address of the server, such as http://localhost:6001 (that of the configuration)")
	f.StringVar(&c.app, "app", "", "id of the app (the first of the configuration)")
	f.StringVar(&c.ca, "ca", "", "PEM file with CA certificates to trust besides the system's")
	completes(cmd, "app", completeApps)
	completesFiles(cmd)
}

// addFindingFlags adds --config and the flags of the configuration that decide
// where a server is and who may call it.
func addFindingFlags(set *pflag.FlagSet) {
	var names []string
	for _, f := range finding {
		names = append(names, f.flag)
	}
	addFlagsOf(set, names...)
}

// addAppFlags adds those of them that say which app is meant.
func addAppFlags(set *pflag.FlagSet) { addFlagsOf(set, "config", "app-id", "app-key", "app-secret") }

func addFlagsOf(set *pflag.FlagSet, names ...string) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.String("config", "", configDoc)
	config.AddFlags(all)
	for _, name := range names {
		set.AddFlag(all.Lookup(name))
	}
}

// open finds the server and the app that the flags mean.
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
	if cert, err := certificate(cfg); err == nil { // the key may not be ours to read
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

// chooseApp finds an app by id; "" is the first.
func chooseApp(cfg *config.Config, id string) (config.App, error) {
	list := cfg.Apps
	if cfg.Store.InDatabase() {
		list = cfg.FileApps // which are not served, but flags and variables may name one
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
	return config.App{}, mistake("no app has the id %q; the configuration has %s", id, strings.Join(ids, ", "))
}

// storedApp is an app of the database by its id; "" is the first.
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
			return config.App{}, mistake("no app of the store has the id %q", id)
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
		return config.App{}, mistake("the store has no app that can be used; `fanfare apps create` makes one")
	}
	return list[0].App, nil
}

// trusting believes the certificates of a file besides the system's; nil, which
// is the system's alone, for no file.
func trusting(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // a system without any
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca: %s holds no PEM certificate", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
