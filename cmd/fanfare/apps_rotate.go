package main

import (
	"context"

	"github.com/spf13/cobra"

	"fanfare/appstore"
	"fanfare/config"
)

func newAppsRotateCommand() *cobra.Command {
	var retire string
	var out appsOutput
	cmd := takesApp(&cobra.Command{
		Use: "rotate", Short: "Add a key to an app, or retire one",
		Long: `Add a key to an app and print it with its secret. The older keys stay valid until
you retire each with --retire.`,
		Example: `  fanfare apps rotate shop
  fanfare apps rotate shop --retire 3b1f0c2d4e5a69788796`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if retire == "" && cmd.Flags().Changed("retire") { // --retire="$KEY" with an unset variable
				return mistake("--retire names no key")
			}
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				if retire != "" {
					a, err := s.RetireKey(ctx, args[0], retire)
					if err != nil {
						return err
					}
					return printChanged(cmd, out, s, a, "without the key "+retire)
				}
				fresh, err := newApp("")
				if err != nil {
					return err
				}
				a, err := s.AddKey(ctx, args[0], config.Key{Key: fresh.key, Secret: fresh.secret})
				if err != nil {
					return err
				}
				return printKeys(cmd, out, a)
			})
		},
	})
	cmd.Flags().StringVar(&retire, "retire", "", "remove this key instead of adding one")
	cmd.Flags().BoolVar(&out.json, "json", false, "print a JSON object")
	return cmd
}
