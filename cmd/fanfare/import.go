package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fanfare/config"
	"fanfare/config/foreign"
)

func newImportCommand() *cobra.Command {
	var in foreign.Input
	var out string
	var force, environment bool
	cmd := &cobra.Command{
		Use:   "import [FILE...]",
		Short: "Write a configuration from that of Reverb, soketi or Pusher",
		Long: `Write a configuration from that of Reverb, soketi or Pusher. A FILE is a .env
file, Reverb's config/reverb.php (its env() calls are answered by the .env given
beside it), soketi's JSON, or keys of Pusher: the JSON that its command line tool
prints, or what its dashboard shows. - is standard input. Without a FILE the
SOKETI_, REVERB_ and PUSHER_APP_ variables of the environment are read.

The file that is written sets what differs from fanfare's defaults. It has a
comment on each key that could not be carried over. A new file can be read by its
owner alone.`,
		Example: `  fanfare import .env config/reverb.php
  fanfare import soketi.json --out /etc/fanfare/config.yaml
  pusher channels apps tokens --app-id 123456 --json | fanfare import - --id 123456
  docker exec soketi env | fanfare import -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.From != "" && !slices.Contains(foreign.Servers(), in.From) {
				return mistake("--from %q is not one of %s", in.From, strings.Join(foreign.Servers(), ", "))
			}
			if in.ID != "" {
				if err := config.CheckID(in.ID); err != nil {
					return mistake("--id: %w", err)
				}
			}
			if environment || len(args) == 0 {
				in.Env = os.Environ()
			}
			for _, name := range args {
				text, err := readInput(cmd, name)
				if err != nil {
					return err
				}
				in.Files = append(in.Files, foreign.File{Name: shownInput(name), Text: text})
			}
			result, err := foreign.Read(in)
			if err != nil {
				return err
			}
			return writeImported(cmd, result, out, force)
		},
	}
	cmd.Flags().StringVar(&in.From, "from", "", "read that of reverb, soketi or pusher alone (all that is there)")
	cmd.Flags().StringVar(&in.ID, "id", "", "id of the app, if the settings have a key but no id")
	cmd.Flags().BoolVar(&environment, "environment", false, "read the variables of the environment beside the files")
	cmd.Flags().StringVarP(&out, "out", "o", "config.yaml", "file to write; - is standard output")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a file that is there")
	completes(cmd, "from", oneOf(foreign.Servers()...))
	return cmd
}

// readInput reads a file up to the maximum size, and one byte more, by which
// foreign detects that the file is too large.
func readInput(cmd *cobra.Command, name string) (string, error) {
	from := cmd.InOrStdin()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("read what to import: %w", err)
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, foreign.MaxFile+1))
	if err != nil {
		return "", fmt.Errorf("read what to import: %w", err)
	}
	return string(text), nil
}

func shownInput(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

// writeImported writes the file. Then it prints a summary, and the warnings that
// serve would log for that file.
func writeImported(cmd *cobra.Command, result *foreign.Result, out string, force bool) error {
	if out == "-" {
		_, err := cmd.OutOrStdout().Write(result.Text)
		return err
	}
	if err := writeNew(out, result.Text, force); err != nil {
		return err
	}
	cfg, err := config.Load(out, nil, nil)
	if err != nil {
		return errors.Join(fmt.Errorf("%s is written and must be completed by hand", shellQuoted(out)), err)
	}
	for _, w := range cfg.Warnings {
		cmd.PrintErrln("warning:", w)
	}
	lost := ""
	switch result.Lost {
	case 0:
	case 1:
		lost = "one key could not be carried over: a comment in the file says why\n"
	default:
		lost = fmt.Sprintf("%d keys could not be carried over: comments in the file say why\n", result.Lost)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is written from %s: %s, clients on %s\n%snext: %s serve --config %[1]s\n",
		shellQuoted(out), strings.Join(result.Servers, " and "), appCount(cfg), cfg.Listen, lost, self())
	return err
}
