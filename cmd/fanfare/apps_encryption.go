package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fanfare/appstore"
)

func newAppsRotateEncryptionCommand() *cobra.Command {
	var json bool
	cmd := &cobra.Command{
		Use: "rotate-encryption", Short: "Encrypt all secrets with store.encryption_key", Args: cobra.NoArgs,
		Long: `Encrypt with store.encryption_key all secrets that are stored in plain text or were
encrypted with an older key. If store.encryption_key is empty, decrypt them. The older
keys have to be in store.old_encryption_keys of every node until this command has
succeeded. If it fails, nothing has changed; run it again.`,
		Example: "  fanfare apps rotate-encryption --config /etc/fanfare/config.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				n, err := s.RotateEncryption(ctx)
				if err != nil {
					return err
				}
				if json {
					return writeJSON(cmd.OutOrStdout(), map[string]any{"apps": n})
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "apps whose secrets were stored again: %d\n", n)
				return err
			})
		},
	}
	addStoreFlags(cmd)
	cmd.Flags().BoolVar(&json, "json", false, "print a JSON object")
	return cmd
}
