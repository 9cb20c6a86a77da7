package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// absoluteFile returns a configuration file as a server reports it: the absolute
// path, "" if it has none, nil if the path cannot be made absolute.
func absoluteFile(file string) *string {
	if file == "" {
		return &file
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil
	}
	return &path
}

// warnOfOtherFile prints a warning if the configuration file that a command
// checked is not the one that the running server reads. servers is nil if the
// server did not name its file.
func warnOfOtherFile(cmd *cobra.Command, checked string, servers *string) {
	if w := otherFile(checked, servers); w != "" {
		cmd.PrintErrln("warning:", w)
	}
}

func otherFile(checked string, servers *string) string {
	switch {
	case checked == "" || servers == nil:
		return ""
	case *servers == "":
		return fmt.Sprintf("this command checked %s, but the running server has no configuration file", checked)
	case sameConfig(checked, *servers):
		return ""
	}
	return fmt.Sprintf("this command checked %s, but the running server reads %s", checked, *servers)
}

// sameConfig reports whether two paths name the same file, directly or through
// links.
func sameConfig(a, b string) bool {
	if path := absoluteFile(a); path != nil && *path == b {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
