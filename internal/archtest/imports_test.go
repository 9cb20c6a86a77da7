package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "fanfare"

// rule says what the packages below one folder may import of this module, and
// whether anything from outside the standard library.
type rule struct {
	imports  []string // folders of the module; "*" is all
	external bool     // modules of others
}

// rules is the picture of docs/architecture.md, from the top of the house to
// its foundation. A folder that is not in it fails the test: add it here and
// there, where its place can be seen.
var rules = map[string]rule{
	"cmd":               {[]string{"*"}, true},
	"bench":             {[]string{"apps", "pusherproto"}, true}, // a client of any Pusher-compatible server
	"test":              {[]string{"*"}, true},
	"examples":          {[]string{"pusherproto", "clients"}, false}, // a customer of the server, like any other
	"clients":           {nil, false},                                // files for browsers
	"internal/testkit":  {[]string{"*"}, true},
	"internal/archtest": {nil, false},
	"internal/logs":     {nil, false},
	"internal/account":  {nil, false},
	"internal/acme":     {nil, true},
	"internal/handover": {nil, true},
	"internal/tracing":  {nil, true},
	"config":            {[]string{"apps"}, true},
	"appstore":          {[]string{"config", "apps"}, true},
	"httpapi":           {[]string{"channels", "sockets", "apps", "pusherproto", "internal/account"}, true},
	"sockets":           {[]string{"channels", "apps", "pusherproto", "internal/account"}, true},
	"webhooks":          {[]string{"channels", "apps", "pusherproto", "internal/account"}, true},
	"metrics":           {[]string{"channels", "apps", "pusherproto", "internal/account"}, true},
	"adminapi":          {nil, false}, // sees the server through interfaces of its own
	"console":           {nil, false}, // files for browsers; they know the admin API alone
	"cluster/sim":       {[]string{"cluster", "cluster/ledger", "channels", "apps", "pusherproto", "internal/account"}, true},
	"cluster/redis":     {[]string{"cluster", "cluster/ledger", "channels", "apps", "pusherproto", "internal/account"}, true}, // its tests run nodes
	"cluster":           {[]string{"cluster/ledger", "channels", "apps", "pusherproto", "internal/account"}, false},
	"cluster/ledger":    {[]string{"pusherproto"}, false},
	"channels":          {[]string{"apps", "pusherproto", "internal/account"}, false},
	"apps":              {nil, false},
	"pusherproto":       {nil, false},
}

// forbidden are packages of the standard library that a folder must not know.
var forbidden = map[string][]string{
	"channels": {"net", "net/http", "os", "syscall"},
	"apps":     {"net", "net/http", "os", "syscall"},
	"config":   {"net/http/httptest", "os/exec", "syscall"},
}

// pureImports is all of the standard library that pusherproto may use: no
// input or output, no operating system, no goroutines to guard.
var pureImports = []string{
	"bytes", "cmp", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "iter", "maps", "math", "math/bits",
	"net/url", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf16", "unicode/utf8", "unsafe",
	"crypto/hmac", "crypto/md5", "crypto/sha256", "crypto/subtle",
}

// listed is what go list tells about a package.
type listed struct {
	ImportPath, Dir                    string
	Imports, TestImports, XTestImports []string
	GoFiles                            []string
}

// list runs go list over the whole module for an operating system, so that
// files with build constraints are seen too.
func list(t *testing.T, goos string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,TestImports,XTestImports,GoFiles", module+"/...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// folder is the entry of rules a package falls under, the deepest if there are
// several, "" for none.
func folder(importPath string) (deepest string) {
	rel := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
	for name := range rules {
		if (rel == name || strings.HasPrefix(rel, name+"/")) && len(name) > len(deepest) {
			deepest = name
		}
	}
	return deepest
}

func TestImports_GoDownOnly(t *testing.T) {
	for _, goos := range []string{"linux", "darwin"} {
		for _, p := range list(t, goos) {
			own := folder(p.ImportPath)
			if own == "" {
				t.Errorf("%s is in no known folder; give it a place in rules and in docs/architecture.md", p.ImportPath)
				continue
			}
			for _, imported := range p.Imports {
				checkImport(t, own, p.ImportPath, imported)
			}
			for _, imported := range append(p.TestImports, p.XTestImports...) {
				checkTestImport(t, own, p.ImportPath, imported)
			}
		}
	}
}

func checkImport(t *testing.T, own, from, imported string) {
	t.Helper()
	r := rules[own]
	switch {
	case isOurs(imported):
		target := folder(imported)
		if target != own && !slices.Contains(r.imports, target) && !slices.Contains(r.imports, "*") {
			t.Errorf("%s imports %s; %s may import %q only", from, imported, own, r.imports)
		}
	case isExternal(imported):
		if !r.external {
			t.Errorf("%s imports %s; %s uses the standard library only", from, imported, own)
		}
	default:
		if slices.Contains(forbidden[own], imported) {
			t.Errorf("%s imports %s, which %s must not know", from, imported, own)
		}
		if own == "pusherproto" && !slices.Contains(pureImports, imported) {
			t.Errorf("%s imports %s, which is not among the pure packages it may use", from, imported)
		}
	}
}

// checkTestImport lets tests use testkit and modules of others besides.
func checkTestImport(t *testing.T, own, from, imported string) {
	t.Helper()
	r := rules[own]
	target := folder(imported)
	if isOurs(imported) && target != own && target != "internal/testkit" && !slices.Contains(r.imports, target) && !slices.Contains(r.imports, "*") {
		t.Errorf("a test of %s imports %s; %s may import %q and internal/testkit only", from, imported, own, r.imports)
	}
}

func isOurs(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// isExternal tells modules of others by the dot in their host name.
func isExternal(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}
