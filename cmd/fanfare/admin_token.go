package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"fanfare/adminapi"
)

func newAdminCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "admin", Short: "Make tokens of the admin API", Example: "  fanfare admin token --name grafana"}
	cmd.AddCommand(newAdminTokenCommand())
	return cmd
}

func newAdminTokenCommand() *cobra.Command {
	var name, role string
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a new random token of the admin API, and its hash for the configuration",
		Long: `Print a new random token of the admin API, and the entry for admin.tokens of the
configuration. The entry has only the token's hash. The token is shown only once.`,
		Example: `  fanfare admin token --name grafana
  fanfare admin token --name ops --role admin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, ok := adminapi.ParseRole(role); !ok {
				return mistake("--role %q is not one of read, operate, admin", role)
			}
			token := randomHex(32)
			hash := sha256.Sum256([]byte(token))
			_, err := fmt.Fprintf(cmd.OutOrStdout(), tokenText, token, name, hex.EncodeToString(hash[:]), role)
			return err
		},
	}
	cmd.Flags().StringVar(&name, "name", "operator", "who has the token, for the lines in the log")
	cmd.Flags().StringVar(&role, "role", "read", "what it may do: read, operate or admin")
	completes(cmd, "role", oneOf("read", "operate", "admin"))
	return cmd
}

// tokenText stands as it is in a file, with the token in a comment that is to be
// removed.
const tokenText = `# The token, for whoever calls the admin API. It is not shown again:
# %s
admin:
  tokens:
    - name: %q
      hash: %q
      role: %s
`
