package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The files for a public host are read by nobody here: they are YAML, and run
// what is run here.
func TestGitHub_FilesAreYAML_AndCallWhatIsThere(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, ".github", "*", "*.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("found %q, %v", files, err)
	}
	runs := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := yaml.Unmarshal(text, &all); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if all["name"] == nil || all["jobs"] == nil && all["body"] == nil {
			t.Errorf("%s is neither a workflow nor a form", file)
		}
		runs[filepath.Base(file)] = string(text)
	}
	if !strings.Contains(runs["ci.yaml"], "run: bash .ci/run\n") {
		t.Error("ci.yaml does not run .ci/run")
	}
	if !strings.Contains(runs["release.yaml"], "run: make release\n") || !strings.Contains(runs["release.yaml"], " bin/release/*\n") {
		t.Error("release.yaml does not publish what make release makes")
	}
	text, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(text), "    - make release\n") || !strings.Contains(string(text), "glob: bin/release/*\n") {
		t.Error(".goreleaser.yaml does not publish what make release makes")
	}
}
