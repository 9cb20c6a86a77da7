package main

import (
	"context"

	"github.com/spf13/cobra"

	"fanfare/appstore"
)

func newAppsShowCommand() *cobra.Command {
	var out appsOutput
	cmd := takesApp(&cobra.Command{
		Use: "show", Short: "Show an app with all its options",
		Example: `  fanfare apps show shop
  fanfare apps show shop --secrets --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				a, err := s.Get(ctx, args[0])
				if err != nil {
					return err
				}
				return out.printApp(cmd, s, a)
			})
		},
	})
	out.addTo(cmd)
	return cmd
}
