package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the top of the tree, seen from this package.
const root = "../.."

// pages are the Markdown files of the tree.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var link = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)]*))?\)`)

func TestDocs_LinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target, anchor := m[1], m[2]
			if strings.Contains(target, "://") {
				continue
			}
			leads := filepath.Join(filepath.Dir(page), target)
			if target == "" {
				leads = page
			}
			if _, err := os.Stat(leads); err != nil {
				t.Errorf("%s links to %s, which is not there", page, target)
				continue
			}
			if anchor == "" || filepath.Ext(leads) != ".md" {
				continue
			}
			below, err := os.ReadFile(leads)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(anchors(string(below)), anchor) {
				t.Errorf("%s links to %s#%s, which is no heading there", page, target, anchor)
			}
		}
	}
}

func TestDocs_EveryManualPageIsInTheIndex(t *testing.T) {
	index, err := os.ReadFile(filepath.Join(root, "docs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range found {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/README.md does not lead to %s", name)
		}
	}
}

func TestDocs_DependenciesAreThoseImported(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		told = append(told, m[1])
	}
	used := map[string]bool{}
	for _, p := range list(t, "linux") {
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if !isExternal(imported) {
				continue
			}
			i := slices.IndexFunc(told, func(module string) bool {
				return imported == module || strings.HasPrefix(imported, module+"/")
			})
			if i < 0 {
				t.Errorf("%s imports %s; say in docs/dependencies.md what it is for", p.ImportPath, imported)
				continue
			}
			used[told[i]] = true
		}
	}
	for _, module := range told {
		if !used[module] {
			t.Errorf("docs/dependencies.md tells of %s, which nothing imports", module)
		}
	}
}
