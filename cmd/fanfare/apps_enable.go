package main

import (
	"context"

	"github.com/spf13/cobra"

	"fanfare/appstore"
)

// newAppsEnableCommand is enable, or disable.
func newAppsEnableCommand(enable bool) *cobra.Command {
	var out appsOutput
	name, short, done := "enable", "Let clients and callers of a disabled app in again", "enabled"
	if !enable {
		name, short, done = "disable", "Refuse clients of an app with 4003 and its callers with 403; open sockets are closed", "disabled"
	}
	cmd := takesApp(&cobra.Command{
		Use: name, Short: short,
		Example: "  fanfare apps " + name + " shop",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd, func(ctx context.Context, s *appstore.Store) error {
				a, err := s.SetEnabled(ctx, args[0], enable)
				if err != nil {
					return err
				}
				return printChanged(cmd, out, s, a, done)
			})
		},
	})
	out.addTo(cmd)
	return cmd
}
