package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fanfare/appstore"
)

func newAppsUpdateCommand() *cobra.Command {
	var options appOptions
	var out appsOutput
	var version int64
	cmd := takesApp(&cobra.Command{
		Use: "update", Short: "Change options of an app",
		Example: `  fanfare apps update shop --set limits.max_connections=1000
  fanfare apps update shop --set 'allowed_origins=["https://shop.example"]' --unset limits.max_channels
  fanfare apps update shop --data '{"client_events":false}' --version 3`,
		RunE: func(cmd *cobra.Command, args []string) error {
			patch, err := options.patch(cmd)
			if err != nil {
				return err
			}
			if string(patch) == "{}" && !cmd.Flags().Changed("name") {
				return mistake("nothing is to be changed; give --set, --unset, --data or --name")
			}
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				a, err := s.Update(ctx, args[0], version, func(a *appstore.App) error {
					if cmd.Flags().Changed("name") {
						a.Name = options.name
					}
					return s.Documents().Apply(&a.App, patch)
				})
				if err != nil {
					return err
				}
				for _, doubt := range s.Documents().Doubts(&a.App) {
					cmd.PrintErrln("warning:", doubt)
				}
				return printChanged(cmd, out, s, a, "changed")
			})
		},
	})
	options.addTo(cmd)
	out.addTo(cmd)
	cmd.Flags().StringArrayVar(&options.unset, "unset", nil, "an option to reset to its default. May be repeated")
	cmd.Flags().Int64Var(&version, "version", 0, "change the app only if this is its current version")
	return cmd
}

// printChanged prints one line about what was done to an app, or the app as JSON.
func printChanged(cmd *cobra.Command, out appsOutput, s *appstore.Store, a *appstore.App, what string) error {
	if out.json {
		return out.printApp(cmd, s, a)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "app %s is %s (version %d)\n", a.ID, what, a.Version)
	return err
}
