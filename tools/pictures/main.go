// Command pictures draws the pictures of the documentation into docs/images. It
// reads figures from the tables of docs/performance.md. With -check it writes
// nothing, and fails if a picture in docs/images differs.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	root := flag.String("root", "..", "top folder of the tree")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	figures, err := os.ReadFile(filepath.Join(root, "docs", "performance.md"))
	if err != nil {
		return err
	}
	memory, err := memoryPicture(string(figures))
	if err != nil {
		return err
	}
	for name, picture := range map[string][]byte{
		"message.svg":  messagePicture(),
		"presence.svg": presencePicture(),
		"restart.svg":  restartPicture(),
		"memory.svg":   memory,
	} {
		path := filepath.Join(root, "docs", "images", name)
		if !check {
			if err := os.WriteFile(path, picture, 0o644); err != nil { //nolint:gosec // a file of the documentation
				return err
			}
			continue
		}
		there, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(there, picture) {
			return errors.New("docs/images/" + name + " is not up to date: run make pictures")
		}
	}
	return nil
}
