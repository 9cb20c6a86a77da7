package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newChannelsCommand() *cobra.Command {
	var c caller
	var f format
	var prefix string
	cmd := &cobra.Command{
		Use:   "channels",
		Short: "List the channels that have a subscriber, with their counts",
		Long: `List the channels that have a subscriber, with the number of subscriptions and, for a
presence channel, of users. A count that the server does not give is shown as a dash.`,
		Example: `  fanfare channels
  fanfare channels --prefix presence- --format json
  fanfare channels --url https://ws.example.com --app-id 1 --app-key k --app-secret "$SECRET"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			a, err := c.open(cmd)
			if err != nil {
				return err
			}
			list, err := a.countedChannels(cmd.Context(), prefix)
			if err != nil {
				return fmt.Errorf("list the channels of %s: %w", a.peer.base, err)
			}
			return printChannels(cmd, f, list)
		},
	}
	c.addTo(cmd)
	f.addTo(cmd)
	cmd.Flags().StringVar(&prefix, "prefix", "", "list only channels whose name begins with this")
	completes(cmd, "prefix", oneOf("presence-", "private-", "private-encrypted-", "cache-"))
	return cmd
}

// counts are a channel's counts; nil for one that the server does not give.
type counts struct {
	Subscriptions *int `json:"subscription_count,omitempty"`
	Users         *int `json:"user_count,omitempty"`
}

// listChannels requests the channels whose names begin with a prefix. info is the
// attributes to request, separated by commas; "" for none.
func (a api) listChannels(ctx context.Context, prefix, info string) (map[string]counts, error) {
	query := map[string]string{}
	if prefix != "" {
		query["filter_by_prefix"] = prefix
	}
	if info != "" {
		query["info"] = info
	}
	var answer struct{ Channels json.RawMessage }
	if err := a.get(ctx, "/channels", query, &answer); err != nil {
		return nil, err
	}
	list := map[string]counts{}
	if string(answer.Channels) == "[]" { // PHP encodes an empty object so
		return list, nil
	}
	if err := json.Unmarshal(answer.Channels, &list); err != nil || list == nil {
		return nil, errors.New("the answer has no list of channels: another server is at this address")
	}
	return list, nil
}

const presencePrefix = "presence-"

// countedChannels lists channels with all counts that the server gives. It requests
// user counts separately: a server refuses them in a list that may contain other
// channels than presence channels.
func (a api) countedChannels(ctx context.Context, prefix string) (map[string]counts, error) {
	if strings.HasPrefix(prefix, presencePrefix) {
		return a.listWith(ctx, prefix, "user_count")
	}
	list, err := a.listWith(ctx, prefix, "")
	if err != nil {
		return nil, err
	}
	uncounted := func(name string) bool { return strings.HasPrefix(name, presencePrefix) && list[name].Users == nil }
	if !slices.ContainsFunc(slices.Collect(maps.Keys(list)), uncounted) {
		return list, nil
	}
	present, err := a.listChannels(ctx, presencePrefix, "user_count")
	if err != nil {
		return nil, err
	}
	for name, counts := range list {
		if uncounted(name) {
			counts.Users = present[name].Users
			list[name] = counts
		}
	}
	return list, nil
}

// listWith lists channels with their subscription counts and the attribute info.
// Pusher refuses subscription counts unless they are enabled for the app: then the
// list has none.
func (a api) listWith(ctx context.Context, prefix, info string) (map[string]counts, error) {
	list, err := a.listChannels(ctx, prefix, strings.TrimPrefix(info+",subscription_count", ","))
	if r := (refusal{}); errors.As(err, &r) && r.status == http.StatusBadRequest {
		return a.listChannels(ctx, prefix, info)
	}
	return list, err
}

func printChannels(cmd *cobra.Command, f format, list map[string]counts) error {
	names := slices.Sorted(maps.Keys(list))
	if f.json() {
		for _, name := range names {
			line := struct {
				Channel string `json:"channel"`
				counts
			}{name, list[name]}
			if err := writeJSON(cmd.OutOrStdout(), line); err != nil {
				return err
			}
		}
		return nil
	}
	if len(names) == 0 {
		cmd.PrintErrln("no channel has a subscriber")
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "CHANNEL\tSUBSCRIPTIONS\tUSERS") // Flush returns its errors
	for _, name := range names {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", printable(name), orDash(list[name].Subscriptions), orDash(list[name].Users))
	}
	return w.Flush()
}

func orDash(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}
