package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fanfare/appstore"
)

func newAppsListCommand() *cobra.Command {
	var out appsOutput
	cmd := &cobra.Command{
		Use: "list", Short: "List the apps", Args: cobra.NoArgs,
		Example: `  fanfare apps list
  fanfare apps list --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				list, bad, err := s.List(ctx)
				if err != nil {
					return err
				}
				if err := out.printApps(cmd, s, list); err != nil {
					return err
				}
				for _, u := range bad {
					cmd.PrintErrf("app %s: %v\n", printable(u.ID), u.Err)
				}
				if len(bad) > 0 {
					return fmt.Errorf("%d apps cannot be used; the lines above say why", len(bad))
				}
				return nil
			})
		},
	}
	addStoreFlags(cmd)
	out.addTo(cmd)
	return cmd
}
