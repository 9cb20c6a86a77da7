package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"fanfare/appstore"
	"fanfare/config"
)

func newAppsCreateCommand() *cobra.Command {
	var options appOptions
	out := appsOutput{secrets: true}
	var id, key, secret string
	cmd := &cobra.Command{
		Use: "create", Short: "Create an app and print its key and secret", Args: cobra.NoArgs,
		Example: `  fanfare apps create
  fanfare apps create --id shop --name "The shop" --set limits.max_connections=500
  fanfare apps create --id chat --data '{"client_events":false,"allowed_origins":["https://chat.example"]}' --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fresh, err := newApp(id)
			if err != nil {
				return err
			}
			if (key == "") != (secret == "") {
				return mistake("--key and --secret belong together: give both, or neither for new ones")
			}
			patch, err := options.patch(cmd)
			if err != nil {
				return err
			}
			app := appstore.App{App: config.DefaultApp(), Name: options.name}
			app.ID, app.Key, app.Secret = fresh.id, cmp.Or(key, fresh.key), cmp.Or(secret, fresh.secret)
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				if err := s.Documents().Apply(&app.App, patch); err != nil {
					return err
				}
				made, err := s.Create(ctx, app)
				if err != nil {
					return err
				}
				for _, doubt := range s.Documents().Doubts(&made.App) {
					cmd.PrintErrln("warning:", doubt)
				}
				return printKeys(cmd, out, made)
			})
		},
	}
	addStoreFlags(cmd)
	options.addTo(cmd)
	cmd.Flags().StringVar(&id, "id", "", "id of the app (a random number)")
	cmd.Flags().StringVar(&key, "key", "", "public key of the app (a random one)")
	cmd.Flags().StringVar(&secret, "secret", "", "secret of the key (a random one)")
	cmd.Flags().BoolVar(&out.json, "json", false, "print a JSON object")
	return cmd
}

// printKeys prints the id, the newest key and its secret.
func printKeys(cmd *cobra.Command, out appsOutput, a *appstore.App) error {
	newest := config.Key{Key: a.Key, Secret: a.Secret}
	if n := len(a.Keys); n > 0 {
		newest = a.Keys[n-1]
	}
	if out.json {
		return writeJSON(cmd.OutOrStdout(), map[string]any{
			"id": a.ID, "name": a.Name, "key": newest.Key, "secret": newest.Secret, "version": a.Version, "created": a.Created.Format(time.RFC3339),
		})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "id      %s\nkey     %s\nsecret  %s\n", a.ID, newest.Key, printable(newest.Secret))
	return err
}
