package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// listedWord is an entry of tools/prose/words.js on its lines: a pattern, and what
// to write instead.
var listedWord = regexp.MustCompile(`(?m)^    pattern: /(.+)/gi,\n    instead: '(.+)',$`)

// listedWords are the patterns that Go's regular expressions can read. The few
// with a lookaround hold for the pages alone.
func listedWords(t *testing.T) map[*regexp.Regexp]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "tools", "prose", "words.js"))
	if err != nil {
		t.Fatal(err)
	}
	found, entries := map[*regexp.Regexp]string{}, strings.Count(string(text), "pattern:")
	for _, m := range listedWord.FindAllStringSubmatch(string(text), -1) {
		if pattern, err := regexp.Compile("(?i)" + m[1]); err == nil {
			found[pattern] = m[2]
		}
	}
	if len(found) < 15 || len(found) < entries-4 {
		t.Fatalf("read %d of %d patterns of tools/prose/words.js", len(found), entries)
	}
	return found
}

// exportedDocs are the comments of a package and of its exported names.
func exportedDocs(n ast.Node) []*ast.CommentGroup {
	switch n := n.(type) {
	case *ast.File:
		return []*ast.CommentGroup{n.Doc}
	case *ast.FuncDecl:
		if n.Name.IsExported() {
			return []*ast.CommentGroup{n.Doc}
		}
	case *ast.GenDecl:
		for _, spec := range n.Specs {
			if named, ok := spec.(*ast.TypeSpec); ok && named.Name.IsExported() {
				return []*ast.CommentGroup{n.Doc, named.Doc, named.Comment}
			}
		}
	case *ast.ValueSpec:
		if n.Names[0].IsExported() {
			return []*ast.CommentGroup{n.Doc, n.Comment}
		}
	case *ast.Field:
		if len(n.Names) > 0 && n.Names[0].IsExported() {
			return []*ast.CommentGroup{n.Doc, n.Comment}
		}
	}
	return nil
}

func TestWords_CommentsOfExportedNamesHaveNoneOfTheList(t *testing.T) {
	words, checked := listedWords(t), 0
	parse(t, func(string) bool { return true }, func(fset *token.FileSet, n ast.Node) {
		for _, doc := range exportedDocs(n) {
			text := strings.Join(strings.Fields(doc.Text()), " ")
			if text == "" {
				continue
			}
			checked++
			for pattern, instead := range words {
				if found := pattern.FindString(text); found != "" {
					t.Errorf("%s: %q: %s", fset.Position(doc.Pos()), found, instead)
				}
			}
		}
	})
	if checked < 500 {
		t.Fatalf("checked only %d comments: the code is not read right", checked)
	}
}

// logMethods are those of slog.Logger that take a message.
var logMethods = []string{
	"Debug", "Info", "Warn", "Error", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "Log", "LogAttrs",
}

// message is the argument of a call that holds its text: the one after the
// context and the level of a log line, the second of a metric's description and
// of http.Error, the first of an error, the last of a flag. It is nil for other
// calls.
func message(call *ast.CallExpr) ast.Expr {
	name, of := "", ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
		if x, ok := f.X.(*ast.Ident); ok {
			of = x.Name
		}
	}
	at := -1
	switch {
	case of == "errors" && name == "New", of == "fmt" && name == "Errorf":
		at = 0
	case (strings.HasSuffix(name, "Var") || strings.HasSuffix(name, "VarP")) && len(call.Args) >= 4:
		at = len(call.Args) - 1
	case name == "Log" || name == "LogAttrs":
		at = 2
	case slices.Contains(logMethods, name) && strings.HasSuffix(name, "Context"):
		at = 1
	case of == "http" && name == "Error":
		at = 1
	case slices.Contains(logMethods, name):
		at = 0
	case of == "" && (name == "describe" || name == "of") || of == "prometheus" && name == "NewDesc":
		at = 1
	}
	if at < 0 || at >= len(call.Args) {
		return nil
	}
	return call.Args[at]
}

// Help of commands, flags and metrics, messages of the log and texts of errors
// are written in the words of the documentation.
func TestWords_HelpLogAndErrorsHaveNoneOfTheList(t *testing.T) {
	words, checked := listedWords(t), 0
	check := func(fset *token.FileSet, e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			text := strings.Join(strings.Fields(literal(n)), " ")
			if text == "" {
				return true
			}
			checked++
			for pattern, instead := range words {
				if found := pattern.FindString(text); found != "" {
					t.Errorf("%s: %q: %s", fset.Position(n.Pos()), found, instead)
				}
			}
			return true
		})
	}
	parse(t, func(string) bool { return true }, func(fset *token.FileSet, n ast.Node) {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && slices.Contains([]string{"Short", "Long", "Example", "Help"}, key.Name) {
				check(fset, n.Value)
			}
		case *ast.CallExpr:
			if text := message(n); text != nil {
				check(fset, text)
			}
		}
	})
	if checked < 500 {
		t.Fatalf("checked only %d texts: the code is not read right", checked)
	}
}
