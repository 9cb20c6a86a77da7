package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fanfare/config"
)

// completionTimeout is how long a completion waits for a server or a database.
const completionTimeout = 2 * time.Second

// completes sets the completion of a flag's values.
func completes(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, values); err != nil { // no such flag: a programming error
		panic(err)
	}
}

// completesFiles sets the completion of the flags that name a file: files with the
// right extension.
func completesFiles(cmd *cobra.Command) {
	for flag, kinds := range map[string][]string{
		"config":   {"yaml", "yml", "json"},
		"ca":       {"pem", "crt"},
		"tls-cert": {"pem", "crt"},
		"tls-key":  {"pem", "key"},
	} {
		if cmd.Flags().Lookup(flag) == nil {
			continue
		}
		if err := cmd.MarkFlagFilename(flag, kinds...); err != nil {
			panic(err)
		}
	}
}

// completeApps completes the ids of the apps in the configuration or in the store.
func completeApps(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return appsOf(cmd.Context(), cmd.Flags())
}

func appsOf(ctx context.Context, flags *pflag.FlagSet) (ids []cobra.Completion, directive cobra.ShellCompDirective) {
	cfg, _, err := loadConfig(flags)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	if cfg.Store.InDatabase() {
		return storedIDs(ctx, cfg)
	}
	for _, a := range cfg.Apps {
		ids = append(ids, a.ID)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

func storedIDs(ctx context.Context, cfg *config.Config) (ids []cobra.Completion, directive cobra.ShellCompDirective) {
	s, err := newStore(cfg)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	list, bad, err := s.List(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	for _, u := range bad {
		ids = append(ids, u.ID)
	}
	slices.Sort(ids)
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completeChannels completes the names of channels that have a subscriber now.
func (c *caller) completeChannels(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.channelsNow(cmd, begun)
}

// completePresence completes the one argument of a command with the names of
// presence channels that have members now.
func (c *caller) completePresence(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	switch {
	case strings.HasPrefix(begun, presencePrefix):
		return c.channelsNow(cmd, begun)
	case strings.HasPrefix(presencePrefix, begun):
		return c.channelsNow(cmd, presencePrefix)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func (c *caller) channelsNow(cmd *cobra.Command, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	a, err := c.open(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	list, err := a.listChannels(ctx, prefix, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.Sorted(maps.Keys(list)), cobra.ShellCompDirectiveNoFileComp
}

// oneOf completes a flag that accepts only these values.
func oneOf(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}
