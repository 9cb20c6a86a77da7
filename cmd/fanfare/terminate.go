package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

func newTerminateCommand() *cobra.Command {
	var c caller
	cmd := &cobra.Command{
		Use:   "terminate USER",
		Short: "Close all connections that are signed in as a user",
		Long: `Close all connections that are signed in as a user (pusher.signin), with code 4009,
after which clients do not reconnect. Sockets that joined a presence channel under that
id without signing in stay connected. It is not an error if the user has no connection.`,
		Example: `  fanfare terminate 7
  fanfare terminate 7 --config config.yaml --app 1234567`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			user := args[0]
			if strings.TrimSpace(user) == "" {
				return mistake("the id of the user is empty")
			}
			a, err := c.open(cmd)
			if err != nil {
				return err
			}
			err = a.do(cmd.Context(), call{method: http.MethodPost, path: "/users/" + user + "/terminate_connections", body: []byte("{}")}, nil)
			if err != nil {
				return fmt.Errorf("terminate user %s at %s: %w", user, a.peer.base, err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the connections of user %s are closed\n", user)
			return err
		},
	}
	c.addTo(cmd)
	return cmd
}
