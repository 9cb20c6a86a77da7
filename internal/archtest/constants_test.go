package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var units = map[string]int64{"Millisecond": int64(time.Millisecond), "Second": int64(time.Second), "Minute": int64(time.Minute), "Hour": int64(time.Hour)}

// value is what an expression of numbers, durations and constants comes to in a
// package, durations in nanoseconds.
func value(t *testing.T, folder, expression string) int64 {
	t.Helper()
	e, err := parser.ParseExpr(expression)
	if err != nil {
		t.Fatal(err)
	}
	n, ok := worth(e, constants(t, folder))
	if !ok {
		t.Fatalf("%s is no constant of %s that can be read here", expression, folder)
	}
	return n
}

// constants are the constants of a package, by name.
func constants(t *testing.T, folder string) map[string]ast.Expr {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]ast.Expr{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				of := spec.(*ast.ValueSpec)
				for i, name := range of.Names {
					if i < len(of.Values) {
						all[name.Name] = of.Values[i]
					}
				}
			}
		}
	}
	return all
}

func worth(e ast.Expr, known map[string]ast.Expr) (int64, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		n, err := strconv.ParseInt(strings.ReplaceAll(e.Value, "_", ""), 0, 64)
		return n, err == nil
	case *ast.Ident:
		of, ok := known[e.Name]
		if !ok {
			return 0, false
		}
		return worth(of, known)
	case *ast.SelectorExpr:
		n, ok := units[e.Sel.Name]
		return n, ok
	case *ast.ParenExpr:
		return worth(e.X, known)
	case *ast.BinaryExpr:
		x, okX := worth(e.X, known)
		y, okY := worth(e.Y, known)
		switch e.Op {
		case token.SHL:
			return x << y, okX && okY
		case token.MUL:
			return x * y, okX && okY
		case token.ADD:
			return x + y, okX && okY
		}
	}
	return 0, false
}
