package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The pages docs/clients*.md show the very files that are compiled and run, and no
// other code.
func TestDocs_ShowTheSnippetsAsTheyAre(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(root, "docs", "clients*.md"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	var all strings.Builder
	for _, page := range found {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	text := all.String()
	shown := 0
	folder := filepath.Join(root, "examples", "snippets")
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "go.") || filepath.Ext(path) == ".pyc" {
			return err
		}
		shown++
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		_, after, found := strings.Cut(text, "["+filepath.ToSlash(name)+"]")
		_, block, opened := strings.Cut(after, "\n```")
		_, block, _ = strings.Cut(block, "\n")
		block, _, closed := strings.Cut(block, "```\n")
		if !found || !opened || !closed || block != string(file) {
			t.Errorf("docs/clients*.md do not show %s as it is", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if blocks := strings.Count(text, "\n```") / 2; blocks != shown {
		t.Errorf("docs/clients*.md show %d blocks, and %d files are in examples/snippets", blocks, shown)
	}
}

// Each example of Next.js is whole, so that it can be copied. What does not depend
// on the router is the same in both.
func TestExamples_OfNextShareWhatTheRouterDoesNotChange(t *testing.T) {
	pages, app := filepath.Join(root, "examples", "nextjs-chat"), filepath.Join(root, "examples", "nextjs-app-router")
	same := []string{".env.example", "lib/environment.ts", "lib/fanfare.ts", "next.config.mjs"}
	for _, folder := range []string{"components", "hooks"} {
		for _, example := range []string{pages, app} {
			found, err := filepath.Glob(filepath.Join(example, folder, "*"))
			if err != nil || len(found) == 0 {
				t.Fatalf("%s in %s: %v, %v", folder, example, found, err)
			}
			for _, file := range found {
				same = append(same, folder+"/"+filepath.Base(file))
			}
		}
	}
	for _, name := range same {
		one, err := os.ReadFile(filepath.Join(pages, name))
		if err != nil {
			t.Error(err)
			continue
		}
		other, err := os.ReadFile(filepath.Join(app, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if string(one) != string(other) {
			t.Errorf("%s differs between examples/nextjs-chat and examples/nextjs-app-router", name)
		}
	}
}
