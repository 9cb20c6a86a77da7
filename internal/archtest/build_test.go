package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Without the tag grpc imports a page about itself, whose template finds methods
// by name: the linker then keeps all methods there are, and the binary is twice
// as large.
const smallTag = "grpcnotrace"

func TestBuild_LeavesThePageOfGRPCOut(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-tags", smallTag, "./cmd/fanfare")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 100 {
		t.Fatalf("only %d packages", len(packages))
	}
	for _, p := range packages {
		if p == "golang.org/x/net/trace" {
			t.Errorf("the server imports %s", p)
		}
	}
	for _, name := range []string{"Makefile", "Dockerfile", "tools/release/release", "test/run"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		builds := 0
		for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "")) {
			if strings.Contains(line, "go build") && strings.Contains(line, "./cmd/fanfare") {
				builds++
				if !strings.Contains(line, "-tags "+smallTag) {
					t.Errorf("%s builds without -tags %s: %s", name, smallTag, line)
				}
			}
		}
		if builds == 0 {
			t.Errorf("%s does not build the server", name)
		}
	}
}
