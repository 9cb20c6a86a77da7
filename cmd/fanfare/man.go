package main

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// newManCommand returns a hidden command, which is for people who build packages.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man FOLDER",
		Short:   "Write a man page for each command into a folder, which is created if it is missing",
		Example: "  fanfare man /usr/local/share/man/man1",
		Args:    cobra.ExactArgs(1),
		Hidden:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return writeManPages(cmd.Root(), args[0])
		},
	}
}

func writeManPages(cmd *cobra.Command, dir string) error {
	cmd.InitDefaultHelpFlag()
	if err := writeManPage(cmd, dir); err != nil {
		return err
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			if err := writeManPages(c, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeManPage(cmd *cobra.Command, dir string) (err error) {
	f, err := os.Create(filepath.Join(dir, manName(cmd)+".1.gz"))
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	z := gzip.NewWriter(f) // without a name and a time, so that equal pages give equal files
	if _, err := z.Write([]byte(manPage(cmd))); err != nil {
		return err
	}
	return z.Close()
}

func manName(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-")
}

// manPage returns the help of a command as a man page, in the macros of man(7).
func manPage(cmd *cobra.Command) string {
	var b strings.Builder
	name := manName(cmd)
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"fanfare %s\" \"User Commands\"\n", roff(strings.ToUpper(name)), roff(version))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(cmd.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(cmd.UseLine()))
	if cmd.Long != "" {
		verbatim(&b, "DESCRIPTION", cmd.Long)
	}
	if cmd.HasAvailableFlags() {
		verbatim(&b, "OPTIONS", cmd.Flags().FlagUsages())
	}
	if cmd.Example != "" {
		verbatim(&b, "EXAMPLES", cmd.Example)
	}
	var related []string
	if p := cmd.Parent(); p != nil {
		related = append(related, p.CommandPath())
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			related = append(related, c.CommandPath())
		}
	}
	if len(related) > 0 {
		b.WriteString(".SH SEE ALSO\n")
		for i, r := range related {
			comma := ","
			if i == len(related)-1 {
				comma = ""
			}
			fmt.Fprintf(&b, ".BR %s (1)%s\n", roff(strings.ReplaceAll(r, " ", "-")), comma)
		}
	}
	return b.String()
}

// verbatim writes a section whose line breaks are kept.
func verbatim(b *strings.Builder, title, text string) {
	fmt.Fprintf(b, ".SH %s\n.nf\n%s\n.fi\n", title, roff(strings.TrimRight(text, "\n")))
}

// roff escapes the characters that troff would interpret: backslashes, hyphens,
// and points and quotes at the start of a line.
func roff(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
