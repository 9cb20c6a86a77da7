package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	makeTarget = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	// optional is what a line of usage shows in brackets.
	optional = regexp.MustCompile(`\[[^\]]*\]`)
	// placeholder is a flag, or a word that stands for another.
	placeholder = regexp.MustCompile(`^(-|[A-Z]+$)`)
)

// manualCommands are the command lines of a page: code within sentences and
// tables, and the lines of its code blocks.
func manualCommands(page string) (commands []string) {
	fenced := false
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```"):
			fenced = !fenced
		case fenced || strings.HasPrefix(line, "    "):
			commands = append(commands, strings.TrimPrefix(trimmed, "$ "))
		default:
			for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
				commands = append(commands, m[1])
			}
		}
	}
	return commands
}

// Each command line of the manual that begins with fanfare names a command and
// flags that there are, and each that begins with make a target.
func TestManual_NamesCommandsFlagsAndTargetsThatThereAre(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range makeTarget.FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	ours, made := 0, 0
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" || d.Name() == "CHANGELOG.md" {
			return nil
		}
		page, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, line := range manualCommands(string(page)) {
			words := shellWords(optional.ReplaceAllString(line, ""))
			for len(words) > 0 && strings.Contains(words[0], "=") { // variables
				words = words[1:]
			}
			if len(words) < 2 || words[1] == "=" { // a variable of a program
				continue
			}
			switch words[0] {
			case "fanfare", "fanfare-new", "bin/fanfare":
				ours++
				if err := known(words[1:]); err != nil {
					t.Errorf("%s: `%s`: %v", path, line, err)
				}
			case "make":
				made++
				if !targets[words[1]] {
					t.Errorf("%s: `%s`: the Makefile has no such target", path, line)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if ours < 150 || made < 50 {
		t.Errorf("found %d command lines of fanfare and %d of make: the pages are not read right", ours, made)
	}
}

// known tells what is wrong with a command and its flags. Which arguments it
// has is not looked at: sentences name a command without them.
func known(words []string) error {
	for i, word := range words {
		if word == "…" {
			words = words[:i]
			break
		}
	}
	if words[0] == "COMMAND" {
		words = words[1:]
	}
	for i := range words { // a number that the reader fills in
		words[i] = strings.Replace(words[i], "PID", "1", 1)
	}
	root := newCommand()
	root.InitDefaultCompletionCmd(words...)
	found, args, err := root.Find(words)
	if err != nil {
		return err
	}
	found.InitDefaultHelpFlag()
	found.InitDefaultVersionFlag()
	if found.HasSubCommands() && len(args) > 0 && !placeholder.MatchString(args[0]) {
		return &unknownCommandError{found.CommandPath(), args[0]}
	}
	return found.ParseFlags(args)
}

type unknownCommandError struct{ command, word string }

func (e *unknownCommandError) Error() string { return e.command + " has no command " + e.word }
