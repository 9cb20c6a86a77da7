package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"fanfare/adminapi"
)

func newAdminCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "admin", Short: "Create tokens for the admin API", Example: "  fanfare admin token --name grafana"}
	cmd.AddCommand(newAdminTokenCommand())
	return cmd
}

func newAdminTokenCommand() *cobra.Command {
	var name, role string
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a new random token for the admin API, and its hash for the configuration",
		Long: `Print a new random token for a caller of the admin API, and the entry for
admin.tokens of the configuration, which contains only the token's hash. The token
is not stored: this is the only time it is shown.`,
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
	cmd.Flags().StringVar(&name, "name", "operator", "name of the caller, for the log")
	cmd.Flags().StringVar(&role, "role", "read", "role of the token: read, operate or admin")
	completes(cmd, "role", oneOf("read", "operate", "admin"))
	return cmd
}

// tokenText is valid YAML, so it can be redirected to a file. The token is in a
// comment, which the operator removes.
const tokenText = `# The token, for the caller of the admin API. It is not shown again:
# %s
admin:
  tokens:
    - name: %q
      hash: %q
      role: %s
`
