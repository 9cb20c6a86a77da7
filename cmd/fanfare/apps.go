package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fanfare/appstore"
	"fanfare/config"
)

func newAppsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apps",
		Short: "Change the apps in the database that the configuration names",
		Long: `Change the apps in the database that the configuration names (store.kind and
store.dsn, docs/apps.md). Running servers read the changes within a second.`,
		Example: `  fanfare apps create --id shop
  fanfare apps list`,
	}
	cmd.AddCommand(
		newAppsListCommand(), newAppsShowCommand(), newAppsCreateCommand(), newAppsUpdateCommand(),
		newAppsEnableCommand(true), newAppsEnableCommand(false), newAppsDeleteCommand(), newAppsRotateCommand(),
		newAppsImportCommand(), newAppsMigrateCommand(), newAppsRotateEncryptionCommand(),
	)
	return cmd
}

// appsOutput is how a subcommand of apps prints apps.
type appsOutput struct{ json, secrets bool }

func (o *appsOutput) addTo(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object a line")
	cmd.Flags().BoolVar(&o.secrets, "secrets", false, "show secrets")
}

// storeTimeout bounds the time that a command waits for the database.
const storeTimeout = time.Minute

// withStore calls f with the store of the configuration, which it opens and closes.
func withStore(cmd *cobra.Command, f func(ctx context.Context, s *appstore.Store) error) error {
	return withTables(cmd, func(ctx context.Context, s *appstore.Store) error {
		if err := s.Ready(ctx); err != nil {
			return err
		}
		return f(ctx, s)
	})
}

// withTables is withStore for a store whose tables may be missing or old.
func withTables(cmd *cobra.Command, f func(ctx context.Context, s *appstore.Store) error) error {
	cfg, _, err := loadConfig(cmd.Flags())
	if err != nil {
		return err
	}
	if !cfg.Store.InDatabase() {
		return mistake("the apps are in the configuration file and not in a database: edit the list apps in the file, or set store.kind and store.dsn")
	}
	s, err := newStore(cfg)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(cmd.Context(), storeTimeout)
	defer cancel()
	return storeRefusal(f(ctx, s))
}

// storeRefusal gives an error by which the store refuses a change the exit code
// exitRefused.
func storeRefusal(err error) error {
	var conflict *appstore.ConflictError
	var exists *appstore.ExistsError
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		var texts []string
		for _, p := range invalid.Problems {
			texts = append(texts, p.String())
		}
		return refused("the app is invalid: %s", strings.Join(texts, "; "))
	case errors.As(err, &conflict), errors.As(err, &exists),
		errors.Is(err, appstore.ErrNotFound), errors.Is(err, appstore.ErrNoKey), errors.Is(err, appstore.ErrLastKey):
		return coded{err, exitRefused}
	}
	return err
}

// printApp prints one app as JSON: on one line with --json, else indented.
func (o *appsOutput) printApp(cmd *cobra.Command, s *appstore.Store, a *appstore.App) error {
	doc := o.document(s, a)
	if o.json {
		return writeJSON(cmd.OutOrStdout(), doc)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), printable(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

func (o *appsOutput) document(s *appstore.Store, a *appstore.App) map[string]any {
	doc := s.Documents().WriteAll(&a.App, o.secrets)
	doc["name"], doc["version"] = a.Name, a.Version
	doc["created"], doc["updated"] = a.Created.Format(time.RFC3339), a.Updated.Format(time.RFC3339)
	return doc
}

// printApps prints apps as a table, or with --json as one JSON object a line.
func (o *appsOutput) printApps(cmd *cobra.Command, s *appstore.Store, list []appstore.App) error {
	if o.json {
		for i := range list {
			if err := writeJSON(cmd.OutOrStdout(), o.document(s, &list[i])); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
	columns := "ID\tNAME\tKEY\tENABLED\tVERSION\tUPDATED"
	if o.secrets {
		columns += "\tSECRET"
	}
	_, _ = fmt.Fprintln(w, columns)
	for i := range list {
		a := &list[i]
		key := a.Key
		if n := len(a.Keys); n > 0 {
			key += fmt.Sprintf(" +%d", n)
		}
		line := fmt.Sprintf("%s\t%s\t%s\t%t\t%d\t%s", a.ID, printable(a.Name), key, a.Enabled, a.Version, a.Updated.Format(time.RFC3339))
		if o.secrets {
			line += "\t" + printable(a.Secret)
		}
		_, _ = fmt.Fprintln(w, line)
	}
	return w.Flush()
}

// completeStored completes the one argument of a command with the ids of the apps
// in the store.
func completeStored(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cfg, _, err := loadConfig(cmd.Flags())
	if err != nil || !cfg.Store.InDatabase() {
		return nil, cobra.ShellCompDirectiveError
	}
	return storedIDs(cmd.Context(), cfg)
}

// addStoreFlags adds the flag that locates the store, --config.
func addStoreFlags(cmd *cobra.Command) {
	cmd.Flags().StringP("config", "c", "", configDoc)
	completesFiles(cmd)
}

// takesApp gives a command its one argument, the id of an app.
func takesApp(cmd *cobra.Command) *cobra.Command {
	cmd.Use += " ID"
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = completeStored
	addStoreFlags(cmd)
	return cmd
}
