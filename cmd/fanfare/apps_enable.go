package main

import (
	"context"

	"github.com/spf13/cobra"

	"fanfare/appstore"
)

// newAppsEnableCommand makes the command enable, or disable if enable is false.
func newAppsEnableCommand(enable bool) *cobra.Command {
	var out appsOutput
	name, short, done := "enable", "Accept clients and API calls of a disabled app again", "enabled"
	if !enable {
		name, short, done = "disable", "Disable an app: close its sockets, refuse clients with 4003 and API calls with 403", "disabled"
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
