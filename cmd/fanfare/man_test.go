package main

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestMan_EveryCommandHasAPage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "share", "man1") // neither is there
	root := newCommand()
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		page := readPage(t, filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1.gz"))
		for _, want := range []string{".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", roff(c.Short)} {
			if !strings.Contains(page, want) {
				t.Errorf("the page of %q lacks %q:\n%s", c.CommandPath(), want, page)
			}
		}
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				look(sub)
			}
		}
	}
	look(root)
	if _, err := os.Stat(filepath.Join(dir, "fanfare-man.1.gz")); err == nil {
		t.Error("the hidden command has a page")
	}
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestMan_TroffTakesNothingForItsOwn(t *testing.T) {
	got := roff(".a\n'b\n--c\\d")
	if want := "\\&.a\n\\&'b\n\\-\\-c\\ed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
