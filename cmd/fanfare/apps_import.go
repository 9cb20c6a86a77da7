package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fanfare/appstore"
	"fanfare/config"
	"fanfare/config/foreign"
)

// appsImport holds the flags of apps import.
type appsImport struct {
	from, id, database, table string
	environment, replace      bool
	json                      bool
}

func newAppsImportCommand() *cobra.Command {
	var im appsImport
	cmd := &cobra.Command{
		Use:   "import [FILE...]",
		Short: "Import apps from a configuration of fanfare, Reverb or soketi, or from soketi's database",
		Long: `Import the apps of a configuration into the store. A FILE is a configuration of fanfare
(.yaml), or a file that fanfare import reads: .env, Reverb's config/reverb.php, soketi's
JSON. Without a FILE the command reads the environment variables that begin with SOKETI_,
REVERB_ or PUSHER_APP_. It skips apps whose id is in the store already, unless --replace
is given.`,
		Example: `  fanfare apps import config.yaml
  fanfare apps import .env config/reverb.php
  fanfare apps import soketi.json --replace
  fanfare apps import --soketi-database 'mysql://user:password@tcp(127.0.0.1:3306)/soketi'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				list, err := im.read(ctx, cmd, args)
				if err != nil {
					return err
				}
				return im.write(cmd, s, list)
			})
		},
	}
	addStoreFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&im.from, "from", "", "read only the settings of this server: fanfare, reverb, soketi or pusher (all that are found)")
	f.StringVar(&im.id, "id", "", "id of the app, if the settings have a key but no id")
	f.BoolVar(&im.environment, "environment", false, "read the environment variables besides the files")
	f.StringVar(&im.database, "soketi-database", "", "read the apps of soketi's database: mysql://user:password@tcp(host:3306)/name or postgres://user:password@host/name")
	f.StringVar(&im.table, "soketi-table", "apps", "table of the apps in soketi's database")
	f.BoolVar(&im.replace, "replace", false, "replace apps whose id is in the store already")
	f.BoolVar(&im.json, "json", false, "print a JSON object")
	completes(cmd, "from", oneOf(append([]string{"fanfare"}, foreign.Servers()...)...))
	return cmd
}

func (im *appsImport) read(ctx context.Context, cmd *cobra.Command, args []string) ([]config.App, error) {
	if im.from != "" && im.from != "fanfare" && !slices.Contains(foreign.Servers(), im.from) {
		return nil, mistake("--from %q is not one of fanfare, %s", im.from, strings.Join(foreign.Servers(), ", "))
	}
	if im.database != "" {
		return im.readDatabase(ctx)
	}
	if len(args) == 1 && (im.from == "fanfare" || im.from == "" && (filepath.Ext(args[0]) == ".yaml" || filepath.Ext(args[0]) == ".yml")) {
		return appsOfFile(args[0])
	}
	in := foreign.Input{From: im.from, ID: im.id}
	if im.environment || len(args) == 0 {
		in.Env = os.Environ()
	}
	for _, name := range args {
		text, err := readInput(cmd, name)
		if err != nil {
			return nil, err
		}
		in.Files = append(in.Files, foreign.File{Name: shownInput(name), Text: text})
	}
	return appsOfForeign(in)
}

// appsOfFile returns the apps of a fanfare configuration file, even if that file
// names a database whose apps are served instead.
func appsOfFile(name string) ([]config.App, error) {
	cfg, err := config.Load(name, nil, os.Environ())
	if err != nil {
		return nil, err
	}
	if cfg.Store.InDatabase() {
		return cfg.FileApps, nil
	}
	return cfg.Apps, nil
}

// appsOfForeign returns the apps of another server's configuration. It ignores the
// settings of the server itself.
func appsOfForeign(in foreign.Input) ([]config.App, error) {
	result, err := foreign.Read(in)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "fanfare-import-*.yaml") // 0600
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(result.Text)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	cfg, err := config.Load(f.Name(), nil, nil)
	if err != nil {
		return nil, err
	}
	return cfg.Apps, nil
}

// rowsAtOnce is how many rows are converted at a time: foreign limits the size of
// its input.
const rowsAtOnce = 500

func (im *appsImport) readDatabase(ctx context.Context) (list []config.App, err error) {
	kind, _, _ := strings.Cut(im.database, "://")
	if kind == "postgresql" {
		kind = "postgres"
	}
	if kind != "mysql" && kind != "postgres" {
		return nil, mistake("--soketi-database does not begin with mysql:// or postgres://")
	}
	rows, err := appstore.ReadTable(ctx, kind, im.database, im.table)
	if err != nil {
		return nil, fmt.Errorf("--soketi-database: %w", err)
	}
	for some := range slices.Chunk(rows, rowsAtOnce) {
		text, err := json.Marshal(map[string]any{"appManager.array.apps": some})
		if err != nil {
			return nil, err
		}
		apps, err := appsOfForeign(foreign.Input{From: foreign.Soketi, Files: []foreign.File{{Name: "the table " + im.table, Text: string(text)}}})
		if err != nil {
			return nil, err
		}
		list = append(list, apps...)
	}
	return list, nil
}

// importedAtOnce is how many apps one transaction imports. Other writers wait for
// each transaction.
const importedAtOnce = 200

func (im *appsImport) write(cmd *cobra.Command, s *appstore.Store, list []config.App) error {
	created, replaced, kept := []string{}, []string{}, []string{}
	for some := range slices.Chunk(list, importedAtOnce) {
		ctx, cancel := context.WithTimeout(cmd.Context(), storeTimeout)
		done, err := s.Import(ctx, some, im.replace)
		cancel()
		if err != nil {
			return fmt.Errorf("%w (%d other apps were imported)", err, len(created)+len(replaced))
		}
		created, replaced, kept = append(created, done.Created...), append(replaced, done.Replaced...), append(kept, done.Kept...)
	}
	if im.json {
		return writeJSON(cmd.OutOrStdout(), map[string]any{"created": created, "replaced": replaced, "kept": kept})
	}
	for _, id := range kept {
		cmd.PrintErrf("app %s is in the store already and was skipped; --replace replaces it\n", id)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "apps created: %d, replaced: %d, skipped: %d\n", len(created), len(replaced), len(kept))
	return err
}
