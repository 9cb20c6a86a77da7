package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"fanfare/config"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Create, check and show the configuration",
		Example: `  fanfare config init config.yaml
  fanfare config check config.yaml
  fanfare config print --config config.yaml`,
	}
	cmd.AddCommand(newConfigInitCommand(), newConfigCheckCommand(), newConfigPrintCommand())
	return cmd
}

func newConfigCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read the configuration as serve would and report its problems",
		Example: `  fanfare config check config.yaml
  fanfare config check --config config.yaml --listen :443`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, file, err := loadConfig(cmd.Flags())
			if err != nil {
				return err
			}
			cert, err := certificate(cfg)
			if err != nil {
				return err
			}
			if remark := outOfDate(cert, time.Now()); remark != "" {
				cfg.Warnings = append(cfg.Warnings, "tls.cert_file: "+remark)
			}
			if err := errors.Join(checkStore(cfg), checkCluster(cfg)); err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				cmd.PrintErrln("warning:", w)
			}
			if file == "" {
				file = "the configuration"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is usable: %s, clients on %s\n", file, appCount(cfg), cfg.Listen)
			return err
		},
	}
	addConfigFlags(cmd)
	takesFile(cmd)
	return cmd
}

func appCount(cfg *config.Config) string {
	switch {
	case cfg.Store.InDatabase():
		return "apps in a database (" + cfg.Store.Kind + ")"
	case cfg.DemoApp:
		return "the demo app"
	case len(cfg.Apps) == 1:
		return "1 app"
	}
	return fmt.Sprintf("%d apps", len(cfg.Apps))
}

// outOfDate returns a warning if a certificate has expired or is not yet valid;
// else "".
func outOfDate(cert *tls.Certificate, now time.Time) string {
	switch {
	case cert == nil || cert.Leaf == nil:
		return ""
	case now.After(cert.Leaf.NotAfter):
		return "the certificate expired on " + cert.Leaf.NotAfter.Format(time.DateOnly) + "; clients refuse it"
	case now.Before(cert.Leaf.NotBefore):
		return "the certificate is valid only from " + cert.Leaf.NotBefore.Format(time.DateOnly) + "; clients refuse it until then"
	}
	return ""
}

// checkCluster returns an error if no node can be made from the configuration. It
// does not connect to Redis.
func checkCluster(cfg *config.Config) error {
	registry, err := cfg.Registry()
	if err != nil {
		return err
	}
	_, err = newMembership(cfg, registry, nil, slog.New(slog.DiscardHandler))
	return err
}

// checkStore returns an error if the current user cannot open webhooks.store, or
// cannot create it. It leaves no file behind.
func checkStore(cfg *config.Config) error {
	store := cfg.Webhooks.Store
	if store == "" {
		return nil
	}
	f, err := os.OpenFile(store, os.O_RDWR, 0)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		f, err = os.CreateTemp(filepath.Dir(store), ".fanfare-check-*")
	}
	if err != nil {
		return fmt.Errorf("webhooks.store: %w; its folder has to exist and belong to the user who runs fanfare", err)
	}
	err = f.Close()
	if made {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
