package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/spf13/cobra"

	"fanfare/config"
)

func newKeysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Make keys and secrets of apps"}
	cmd.AddCommand(newKeysNewCommand())
	return cmd
}

func newKeysNewCommand() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Print a new app with a random key and secret, ready to paste",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if id == "" {
				id = randomID()
			}
			if err := config.CheckID(id); err != nil {
				return fmt.Errorf("--id: %w", err)
			}
			key, secret := randomHex(10), randomHex(20)
			_, err := fmt.Fprintf(cmd.OutOrStdout(), newAppText, id, key, secret)
			return err
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "id of the app (a random number)")
	return cmd
}

// newAppText is YAML as it stands, so that it can be appended to a file, and
// shows the same by environment in comments.
const newAppText = `# Goes below "apps:" in config.yaml. The secret is for your servers only.
  - id: %[1]q
    key: %[2]q
    secret: %[3]q
# The same by environment, for the first app:
# FANFARE_APP_ID=%[1]s FANFARE_APP_KEY=%[2]s FANFARE_APP_SECRET=%[3]s
`

// randomHex is n random bytes in hex. crypto/rand ends the process rather than
// return bytes that are not random.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// randomID is a number of seven digits, the shape people know from Pusher.
func randomID() string {
	n, err := rand.Int(rand.Reader, big.NewInt(9_000_000))
	if err != nil { // rand.Reader never fails
		panic(err)
	}
	return n.Add(n, big.NewInt(1_000_000)).String()
}
