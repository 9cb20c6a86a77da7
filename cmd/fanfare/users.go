package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"fanfare/pusherproto"
)

func newUsersCommand() *cobra.Command {
	var c caller
	var f format
	cmd := &cobra.Command{
		Use:   "users CHANNEL",
		Short: "List the users of a presence channel",
		Example: `  fanfare users presence-room
  fanfare users presence-room --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			channel := args[0]
			if !pusherproto.KindOf(channel).Presence() {
				return mistake("%s has no users: only presence channels have a list of users", channel)
			}
			a, err := c.open(cmd)
			if err != nil {
				return err
			}
			ids, err := a.users(cmd.Context(), channel)
			if err != nil {
				return fmt.Errorf("list the users of %s at %s: %w", channel, a.peer.base, err)
			}
			for _, id := range ids {
				if f.json() {
					err = writeJSON(cmd.OutOrStdout(), map[string]string{"id": id})
				} else {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), printable(id))
				}
				if err != nil {
					return err
				}
			}
			if len(ids) == 0 && !f.json() {
				cmd.PrintErrln("nobody is on " + channel)
			}
			return nil
		},
	}
	c.addTo(cmd)
	f.addTo(cmd)
	cmd.ValidArgsFunction = c.completePresence
	return cmd
}

// users returns the ids of the users on a presence channel, sorted. Other servers
// write some ids as numbers.
func (a api) users(ctx context.Context, channel string) ([]string, error) {
	var answer struct {
		Users []struct{ ID json.RawMessage }
	}
	if err := a.get(ctx, "/channels/"+channel+"/users", nil, &answer); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(answer.Users))
	for _, u := range answer.Users {
		ids = append(ids, dataText(u.ID))
	}
	slices.Sort(ids)
	return ids, nil
}
