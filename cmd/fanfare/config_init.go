package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"fanfare/config"
)

func newConfigInitCommand() *cobra.Command {
	var id string
	var force bool
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a first configuration file, with every key explained and a new app",
		Long: `Write a first configuration file: every key with its description and default, and one
app with a random key and secret. Without FILE the file is config.yaml; - writes to
standard output. Only the owner of the file can read it.`,
		Example: `  fanfare config init
  fanfare config init /etc/fanfare/config.yaml --id 1234567
  fanfare config init - | less`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := newApp(id)
			if err != nil {
				return err
			}
			text := config.NewFile(app.id, app.key, app.secret)
			name := "config.yaml"
			if len(args) > 0 {
				name = args[0]
			}
			if name == "-" {
				_, err := cmd.OutOrStdout().Write(text)
				return err
			}
			if err := writeNew(name, text, force); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is written: app id %s, key %s; the secret is in the file\nnext: %s serve --config %[1]s\n",
				shellQuoted(name), app.id, app.key, self())
			return err
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "id of the app (a random number)")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite an existing file")
	return cmd
}

// writeNew writes a file that only its owner can read. It overwrites an existing
// file only if force is set. A new file that could not be written completely is
// removed.
func writeNew(name string, text []byte, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already; give another name, or --force to overwrite it", name)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if force {
		err = closeToOthers(f)
	}
	if err == nil {
		_, err = f.Write(text)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		if !force {
			err = errors.Join(err, os.Remove(name))
		}
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// closeToOthers removes the permissions of others on an existing file. Owner and
// group keep theirs, since the server may run as a member of the group.
func closeToOthers(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return f.Chmod(mode &^ 0o007)
	}
	return nil
}
