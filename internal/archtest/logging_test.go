package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logged are the folders whose log docs/logging.md describes: what clients,
// callers and webhooks do, not what the process does with itself.
func logged(folder string) bool {
	return slices.Contains([]string{"httpapi", "sockets", "channels", "webhooks", "internal/logs", "internal/tracing", "adminapi", "cluster", "cluster/redis"}, folder)
}

// attribute are the functions of slog that make an attribute.
var attribute = []string{"String", "Int", "Int64", "Uint64", "Float64", "Bool", "Duration", "Time", "Any"}

// The page has every key of a log line and every message that is written as it
// stands in the code, and no other.
func TestLogging_ThePageHasEveryMessageAndKey(t *testing.T) {
	keys, messages, texts := map[string]bool{}, map[string]bool{}, map[string]bool{}
	lines := map[string][]string{} // message -> keys that it is written with
	parse(t, logged, func(_ *token.FileSet, n ast.Node) {
		if lit := literal(n); lit != "" {
			texts[lit] = true
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || len(call.Args) == 0 {
			return
		}
		name, of := sel.Sel.Name, ""
		if x, ok := sel.X.(*ast.Ident); ok {
			of = x.Name
		}
		switch {
		case of == "slog" && slices.Contains(attribute, name):
			if key := literal(call.Args[0]); key != "" {
				keys[key] = true
			}
		case slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, name) && of != "t":
			if m := literal(call.Args[0]); m != "" {
				messages[m] = true
			}
			for i := 1; i < len(call.Args); i += 2 { // keys and values by turns
				if key := literal(call.Args[i]); key != "" {
					keys[key] = true
					lines[literal(call.Args[0])] = append(lines[literal(call.Args[0])], key)
				}
			}
		case name == "LogAttrs" && len(call.Args) > 2:
			if m := literal(call.Args[2]); m != "" {
				messages[m] = true
			}
		case name == "write" && len(call.Args) > 1:
			if m := literal(call.Args[1]); m != "" {
				messages[m] = true
			}
		case strings.HasPrefix(name, "log") && !strings.HasPrefix(name, "logs"):
			if m := literal(call.Args[0]); m != "" {
				messages[m] = true
			}
		}
	})
	if len(keys) < 20 || len(messages) < 20 {
		t.Fatalf("found only the keys %v and the messages %v: the code is not read right", keys, messages)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "logging.md"))
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(page), "\n## Keys\n")
	_, before, _ = strings.Cut(before, "\n## Messages\n")
	told := firstCells(before)
	for m := range messages {
		if !slices.Contains(told, m) {
			t.Errorf("docs/logging.md has no message %q", m)
		}
	}
	for _, m := range told {
		if !texts[m] {
			t.Errorf("docs/logging.md has the message %q, which nothing writes", m)
		}
	}
	for m, written := range lines {
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(m) + "` \\| [^|]* \\| ([^|]*) \\|").FindStringSubmatch(before)
		for _, key := range written {
			if row != nil && !slices.Contains(strings.Split(row[1], ", "), key) {
				t.Errorf("docs/logging.md says that %q has the keys %s, and not %s", m, row[1], key)
			}
		}
	}
	told = firstCells(after)
	for k := range keys {
		if !slices.Contains(told, k) {
			t.Errorf("docs/logging.md has no key %q", k)
		}
	}
	for _, k := range told {
		if !keys[k] {
			t.Errorf("docs/logging.md has the key %q, which no line has", k)
		}
	}
}

func literal(n ast.Node) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, _ := strconv.Unquote(lit.Value)
	return text
}

// firstCells are the names in code style in the first cells of tables.
func firstCells(page string) (names []string) {
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(page, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			names = append(names, name[1])
		}
	}
	return names
}
