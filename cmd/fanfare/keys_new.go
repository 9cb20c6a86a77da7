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
	cmd := &cobra.Command{Use: "keys", Short: "Make keys and secrets of apps", Example: "  fanfare keys new > app.yaml"}
	cmd.AddCommand(newKeysNewCommand())
	return cmd
}

func newKeysNewCommand() *cobra.Command {
	var id string
	var entry bool
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Print a new app with a random key and secret",
		Long: `Print a new app with a random key and secret, as a file that serve can use.
With --entry, print the app alone, to go below "apps:" of a file that has some.`,
		Example: `  fanfare keys new > app.yaml
  fanfare keys new --entry >> config.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			app, err := newApp(id)
			if err != nil {
				return err
			}
			text := newFileText
			if entry {
				text = newEntryText
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), text, app.id, app.key, app.secret)
			return err
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "id of the app (a random number)")
	cmd.Flags().BoolVar(&entry, "entry", false, `print the app alone, to go below "apps:" of a file that has some`)
	return cmd
}

// keys are the id, the key and the secret of a new app.
type keys struct{ id, key, secret string }

// newApp generates a key and a secret, and an id if none is given.
func newApp(id string) (keys, error) {
	if id == "" {
		id = randomID()
	}
	if err := config.CheckID(id); err != nil {
		return keys{}, mistake("--id: %w", err)
	}
	return keys{id, randomHex(10), randomHex(20)}, nil
}

// newFileText is a complete configuration file. Its comments set the same values
// with environment variables.
const newFileText = `# A new app. The secret is for your servers only. In a file that has apps already,
# leave out the line "apps:".
apps:
  - id: %[1]q
    key: %[2]q
    secret: %[3]q
# The same by environment, for the first app:
# FANFARE_APP_ID=%[1]s FANFARE_APP_KEY=%[2]s FANFARE_APP_SECRET=%[3]s
`

const newEntryText = `  - id: %[1]q
    key: %[2]q
    secret: %[3]q
`

// randomHex returns n random bytes in hex. crypto/rand never fails: it ends the
// process instead.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// randomID returns a random number of seven digits, similar to the app ids of
// Pusher.
func randomID() string {
	n, err := rand.Int(rand.Reader, big.NewInt(9_000_000))
	if err != nil { // rand.Reader never fails
		panic(err)
	}
	return n.Add(n, big.NewInt(1_000_000)).String()
}
