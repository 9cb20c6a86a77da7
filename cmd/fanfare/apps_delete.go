package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fanfare/appstore"
)

func newAppsDeleteCommand() *cobra.Command {
	var version int64
	var json bool
	cmd := takesApp(&cobra.Command{
		Use: "delete", Short: "Delete an app; its sockets are closed with 4003",
		Example: `  fanfare apps delete shop
  fanfare apps delete shop --version 3`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				if err := s.Delete(ctx, args[0], version); err != nil {
					return err
				}
				if json {
					return writeJSON(cmd.OutOrStdout(), map[string]any{"id": args[0], "deleted": true})
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "app %s is deleted\n", args[0])
				return err
			})
		},
	})
	cmd.Flags().Int64Var(&version, "version", 0, "delete the app only if this is its current version")
	cmd.Flags().BoolVar(&json, "json", false, "print a JSON object")
	return cmd
}
