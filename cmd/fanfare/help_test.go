package main

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand calls visit for each command that a person can find.
func everyCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	if cmd.Hidden {
		return
	}
	visit(cmd)
	for _, c := range cmd.Commands() {
		everyCommand(c, visit)
	}
}

// Every --help has an example, and every example is a command line that fanfare
// takes.
func TestHelp_EveryExampleIsOneThatWorks(t *testing.T) {
	everyCommand(newCommand(), func(c *cobra.Command) {
		if c.Example == "" {
			t.Errorf("%s --help has no example", c.CommandPath())
		}
		own := false
		for line := range strings.Lines(c.Example) {
			if _, last, piped := strings.Cut(line, "| fanfare "); piped { // what it is fed with is another program's
				line = "  fanfare " + last
			}
			words := shellWords(line)
			for len(words) > 0 && strings.Contains(words[0], "=") { // variables
				words = words[1:]
			}
			if len(words) < 2 || words[0] != "fanfare" || !strings.HasPrefix(line, "  ") {
				t.Errorf("%s --help: %q is no example", c.CommandPath(), line)
				continue
			}
			found, args, err := newCommand().Find(words[1:])
			if err == nil {
				err = found.ParseFlags(args)
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err == nil {
				err = found.ValidateRequiredFlags()
			}
			if err != nil {
				t.Errorf("%s --help: %q: %v", c.CommandPath(), line, err)
				continue
			}
			if strings.HasPrefix(found.CommandPath(), c.CommandPath()) {
				own = true
			}
		}
		if !own {
			t.Errorf("%s --help shows other commands only", c.CommandPath())
		}
	})
}

// shellWords are the words of a command line up to its first operator or
// comment, as far as examples use the shell.
func shellWords(line string) (words []string) {
	quote, word, begun := byte(0), "", false
	end := func() {
		if begun {
			words = append(words, word)
		}
		word, begun = "", false
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word += string(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case c == ' ' || c == '\n':
			end()
		case !begun && strings.IndexByte("|>&#", c) >= 0:
			return words
		case c == '$' && strings.HasPrefix(line[i:], "$("):
			word, begun = word+"1", true
			closed := strings.IndexByte(line[i:], ')')
			if closed < 0 { // it goes on in the next line
				end()
				return words
			}
			i += closed
		default:
			word, begun = word+string(c), true
		}
	}
	end()
	return words
}

// The manual has every command and exit code, and the flags of those that call
// a server.
func TestManual_HasEveryCommand(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	everyCommand(newCommand(), func(c *cobra.Command) {
		if !strings.Contains(text, "`"+c.CommandPath()) {
			t.Errorf("docs/cli.md has no %s", c.CommandPath())
		}
	})
	for _, c := range []*cobra.Command{newSubscribeCommand(), newAuthServerCommand()} {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(text, "`--"+f.Name) {
				t.Errorf("docs/cli.md has no --%s of %s", f.Name, c.Name())
			}
		})
	}
	for _, code := range []int{0, exitFailed, exitMisused, exitRefused, exitTooFew} {
		if !strings.Contains(text, "| "+strconv.Itoa(code)+" |") {
			t.Errorf("docs/cli.md has no exit code %d", code)
		}
	}
}

// A command that calls a server has no flags that mean something to a server
// alone.
func TestCallers_HaveNoFlagsOfTheServer(t *testing.T) {
	for _, c := range []*cobra.Command{newTriggerCommand(), newSubscribeCommand(), newChannelsCommand(), newUsersCommand(), newTerminateCommand(), newAuthServerCommand(), newHealthCommand()} {
		for _, flag := range []string{"loops", "transport", "log-level", "access-log", "metrics-listen", "control-socket"} {
			if c.Flags().Lookup(flag) != nil {
				t.Errorf("%s has --%s", c.Name(), flag)
			}
		}
		for _, flag := range []string{"config", "app-secret"} {
			if c.Flags().Lookup(flag) == nil {
				t.Errorf("%s has no --%s", c.Name(), flag)
			}
		}
	}
}

func TestVersion_FlagAndCommandSayTheSame(t *testing.T) {
	byFlag, err1 := execute(t, "--version")
	byCommand, err2 := execute(t, "version")
	if err1 != nil || err2 != nil || byFlag != byCommand || byFlag == "" {
		t.Errorf("%q, %v and %q, %v", byFlag, err1, byCommand, err2)
	}
}
