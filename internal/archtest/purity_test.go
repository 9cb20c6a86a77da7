package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// clock are the names of package time that read a clock or wait for one.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// parse calls visit for every node of every file that go list counts to the
// packages chosen, tests left out.
func parse(t *testing.T, chosen func(folder string) bool, visit func(fset *token.FileSet, n ast.Node)) {
	t.Helper()
	fset := token.NewFileSet()
	for _, p := range list(t, "linux") {
		if !chosen(folder(p.ImportPath)) {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool { visit(fset, n); return true })
		}
	}
}

func TestPusherproto_HasNoClockAndNoGoroutine(t *testing.T) {
	parse(t, func(folder string) bool { return folder == "pusherproto" }, func(fset *token.FileSet, n ast.Node) {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s: starts a goroutine; pusherproto is pure", fset.Position(n.Pos()))
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				t.Errorf("%s: time.%s; pusherproto is told the time", fset.Position(n.Pos()), n.Sel.Name)
			}
		}
	})
}

func TestPackages_HaveNoInit(t *testing.T) {
	parse(t, func(string) bool { return true }, func(fset *token.FileSet, n ast.Node) {
		if f, ok := n.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			t.Errorf("%s: func init runs behind everyone's back; call it from where it is needed", fset.Position(f.Pos()))
		}
	})
}
