package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tools/crossvet stands for go vet on other systems, so it has each of its
// analyzers. Their folders are named as they are, but for an s at the end.
func TestCrossvet_HasTheAnalyzersOfGoVet(t *testing.T) {
	out, err := exec.Command("go", "tool", "vet", "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(out), "Registered analyzers:\n")
	want := regexp.MustCompile(`(?m)^    ([a-z]+) `).FindAllStringSubmatch(list, -1)
	if len(want) < 30 {
		t.Fatalf("go vet names %d analyzers:\n%s", len(want), out)
	}
	text, err := os.ReadFile(filepath.Join(root, "tools", "crossvet", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range want {
		name := match[1]
		if !strings.Contains(string(text), "\t"+name+".Analyzer,\n") && !strings.Contains(string(text), "\t"+strings.TrimSuffix(name, "s")+".Analyzer,\n") {
			t.Errorf("crossvet does not run %s, which go vet does", name)
		}
	}
}
