package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fanfare/appstore"
)

func newAppsMigrateCommand() *cobra.Command {
	var json bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "Create the tables of the store, or update them to this version", Args: cobra.NoArgs,
		Example: "  fanfare apps migrate --config /etc/fanfare/config.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withTables(cmd, func(ctx context.Context, s *appstore.Store) error {
				applied, err := s.Migrate(ctx)
				if err != nil {
					return err
				}
				if json {
					return writeJSON(cmd.OutOrStdout(), map[string]any{"applied": append([]int64{}, applied...)})
				}
				if len(applied) == 0 {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), "the tables are up to date")
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "the tables are now at version %d\n", applied[len(applied)-1])
				return err
			})
		},
	}
	addStoreFlags(cmd)
	cmd.Flags().BoolVar(&json, "json", false, "print a JSON object")
	return cmd
}
