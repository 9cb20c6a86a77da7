package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// drivers are the functions of these tests that run a command line, and the lists
// of words that become one.
var drivers = []string{"execute", "inBackground", "command", "SetArgs", "append", "[]string", "mustApps"}

// drivenWithout are the commands that start programs of their own, which a test
// binary cannot be. Their tests run what they run, with processes of the binary.
var drivenWithout = map[string]string{
	"fanfare bench bare":    "TestBenchFigures_Quick",
	"fanfare bench figures": "TestBenchFigures_Quick",
	"fanfare bench cluster": "TestBenchCluster_Quick",
}

// Every command that a person can find is run by a test of this package.
func TestCommands_EachIsDrivenByATest(t *testing.T) {
	driven, tests := drivenHere(t)
	everyCommand(newCommand(), func(c *cobra.Command) {
		if path := c.CommandPath(); !c.HasSubCommands() && !driven[path] && !tests[drivenWithout[path]] {
			t.Errorf("no test runs %s", path)
		}
	})
}

// Those that docs/cli.md names as made for any server are run against soketi.
func TestCommands_ForAnyServerAreDrivenAgainstSoketi(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	test, err := os.ReadFile("../../tools/peers/cli.test.mjs")
	if err != nil {
		t.Fatal(err)
	}
	driven := map[string]bool{}
	for _, call := range regexp.MustCompile(`\b(?:fanfare|done|(bench))\('([a-z-]+)'`).FindAllStringSubmatch(string(test), -1) {
		driven[strings.Join(strings.Fields("fanfare "+call[1]+" "+call[2]), " ")] = true
	}
	rows, found := regexp.MustCompile(`(?m)^\| (.*) \| .* \| any Pusher-compatible server \|$`).FindAllStringSubmatch(string(page), -1), 0
	for _, row := range rows {
		for _, named := range regexp.MustCompile("`(fanfare [a-z -]+[a-z])").FindAllStringSubmatch(row[1], -1) {
			found++
			if !driven[named[1]] {
				t.Errorf("tools/peers/cli.test.mjs does not run %s", named[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("docs/cli.md names %d commands for any server", found)
	}
}

// drivenHere finds the commands that the tests of this package run, by their
// paths, and the names of those tests.
func drivenHere(t *testing.T) (driven, tests map[string]bool) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	root := newCommand()
	driven, tests = map[string]bool{}, map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var by ast.Expr
			var list []ast.Expr
			switch n := n.(type) {
			case *ast.FuncDecl:
				tests[n.Name.Name] = true
			case *ast.CallExpr:
				by, list = n.Fun, n.Args
			case *ast.CompositeLit:
				by, list = n.Type, n.Elts
			}
			if !slices.Contains(drivers, nameOf(by)) {
				return true
			}
			args := words(list)
			if nameOf(by) == "mustApps" {
				args = append([]string{"apps"}, args...)
			}
			if found, _, err := root.Find(args); err == nil {
				driven[found.CommandPath()] = true
			}
			return true
		})
	}
	return driven, tests
}

// nameOf is the name of a called function or method, or []string.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.ArrayType:
		return "[]" + nameOf(e.Elt)
	}
	return ""
}

// words are the first literal texts in a row.
func words(list []ast.Expr) (texts []string) {
	for _, e := range list {
		literal, ok := e.(*ast.BasicLit)
		if !ok && len(texts) > 0 {
			break
		}
		if ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				break
			}
			texts = append(texts, text)
		}
	}
	return texts
}
