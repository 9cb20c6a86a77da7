package archtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// The image is built from what .dockerignore leaves, so it must leave every
// file that the binary is made of.
func TestDockerignore_LeavesWhatTheBinaryIsMadeOf(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	patterns := ignored(t, filepath.Join(root, ".dockerignore"))
	files := []string{"go.mod", "go.sum", "LICENSE"}
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,EmbedFiles", "./cmd/fanfare")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Dir     string
			GoFiles, EmbedFiles []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !isOurs(p.ImportPath) {
			continue
		}
		folder, err := filepath.Rel(root, p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range append(p.GoFiles, p.EmbedFiles...) {
			files = append(files, path.Join(filepath.ToSlash(folder), f))
		}
	}
	if len(files) < 50 {
		t.Fatalf("only %d files: %q", len(files), files)
	}
	for _, f := range files {
		for _, p := range patterns {
			if ignores(t, p, f) {
				t.Errorf("%s is left out by %q", f, p)
			}
		}
	}
}

func ignored(t *testing.T, name string) (patterns []string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

// ignores knows the patterns that the file uses: a path or a glob from the
// root, or **/ and a glob at any depth. What a pattern names is left out with
// everything below it.
func ignores(t *testing.T, pattern, name string) bool {
	t.Helper()
	anywhere, deep := strings.CutPrefix(pattern, "**/")
	if strings.HasPrefix(pattern, "!") || strings.Contains(anywhere, "**") {
		t.Fatalf("the test does not know patterns like %q", pattern)
	}
	parts := strings.Split(name, "/")
	for i := range parts {
		part := strings.Join(parts[:i+1], "/")
		if deep {
			part = parts[i]
		}
		if match, err := path.Match(anywhere, part); err != nil {
			t.Fatal(err)
		} else if match {
			return true
		}
	}
	return false
}
