package archtest

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// confined are modules that only the named files may import, tests included,
// so that another module or version takes their place in a day.
var confined = map[string][]string{
	"github.com/labstack/echo":       {"httpapi/router.go"},
	"github.com/go-sql-driver/mysql": {"appstore/address.go", "test/store/database_test.go"},
	"github.com/jackc/pgx":           {"appstore/address.go", "appstore/notify.go", "test/store/database_test.go"},
	"github.com/pressly/goose":       {"appstore/dialect.go", "appstore/migrate.go"},
	"modernc.org/sqlite":             {"appstore/dialect.go"},
}

func TestImports_ConfinedModulesStayInTheirFiles(t *testing.T) {
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, p := range list(t, "linux") {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range parsed.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				for module := range confined {
					if path != module && !strings.HasPrefix(path, module+"/") {
						continue
					}
					name, err := filepath.Rel(top, file)
					if err != nil {
						t.Fatal(err)
					}
					found[module] = append(found[module], filepath.ToSlash(name))
				}
			}
		}
	}
	for module, allowed := range confined {
		slices.Sort(found[module])
		if found[module] = slices.Compact(found[module]); !slices.Equal(found[module], allowed) {
			t.Errorf("%s is imported by %q; only %q may", module, found[module], allowed)
		}
	}
}
