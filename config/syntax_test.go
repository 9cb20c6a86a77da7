package config

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// unreadable are files that are not YAML, each with the line to mend and words
// of what to write there.
var unreadable = []struct {
	name, text string
	line       int
	words      string
}{
	{"tab", "listen: ':1'\nmetrics:\n\tlisten: ':2'\n", 3, "indented with a tab; use spaces"},
	{"tab in the first line", "\tlisten: ':1'\n", 1, "indented with a tab"},
	{"tab behind spaces", "metrics:\n  listen: ':2'\n \tfoo: 1\n", 3, "indented with a tab"},
	{"tab before a value", "listen: \t@a\n", 1, "begins with @"},
	{"indented too far", "log:\n  level: info\n   format: text\n", 3, "indented further than line 2"},
	{"indented too little", "log:\n   level: info\n  format: text\n", 3, "is indented by 2 spaces, which matches no group above it"},
	{"indented by one", "log:\n    level: info\n format: text\n", 3, "is indented by 1 space,"},
	{"in an app too little", "apps:\n  - id: a\n   key: b\n", 3, "is indented by 3 spaces"},
	{"in an app too far", "apps:\n  - id: a\n      key: b\n", 3, "indented further than line 2"},
	{"far below", "log:\n  level: info\n  format: text\n\n# and\napps:\n  - id: a\n    key: b\n   secret: c\n", 9, "is indented by 3 spaces"},
	{"list beside a key", "apps:\n  - id: a\nlisten\n", 3, "has no colon after its key"},
	{"no colon", "listen ':1'\nlog: {}\n", 1, "has no colon after its key"},
	{"no colon in a group", "log:\n  level info\n  format: text\n", 2, "has no colon after its key"},
	{"no colon at the end", "log: {}\nlisten\n", 2, "has no colon after its key"},
	{"no space after a colon", "listen:':1'\nlog: {}\n", 1, "lacks a space after its colon"},
	{"no space after a colon in an app", "apps:\n  - id: a\n    key:b\n    secret: c\n", 3, "lacks a space after its colon"},
	{"second colon", "apps:\n  - id: a\n    secret: ab: c\n", 3, "a second colon"},
	{"two keys", "listen: ':1'\nmetrics: listen: ':2'\n", 2, "put the second key on its own line"},
	{"first line indented", "  listen: ':1'\nlog: {}\n", 2, "is indented by 0 spaces"},
	{"list beside keys", "apps:\n  id: a\n  - key: b\n", 3, "begins a list element outside of a list"},
	{"no space after a dash", "apps:\n  -id: a\n   key: b\n", 2, "lacks a space after its -"},
	{"JSON without braces", "\"listen\": \":1\",\n\"log\": {}\n", 1, "ends with a comma"},
	{"merge conflict", "listen: ':1'\n<<<<<<< HEAD\nlog: {}\n", 2, "Git conflict marker"},
	{"at sign", "apps:\n  - id: a\n    secret: @abc\n", 3, "begins with @"},
	{"percent sign", "apps:\n  - id: a\n    secret: %abc\n", 3, "begins with @, %"},
	{"backtick", "apps:\n  - id: a\n    secret: `abc\n", 3, "put it in quotes"},
	{"unknown alias", "apps:\n  - id: a\n    secret: *abc\n", 3, "begins with *"},
	{"star", "apps:\n  - id: a\n    allowed_origins: [*]\n", 3, `such as "*"`},
	{"wildcard", "apps:\n  - id: a\n    allowed_origins:\n      - *.example\n", 4, `such as "*"`},
	{"open quote", "listen: ':1'\napps:\n  - id: a\n    secret: \"abc\n  - id: b\n", 4, "opens a quote"},
	{"open single quote", "listen: ':1\nlog: {}\n", 1, "opens a quote"},
	{"quote in quotes", "apps:\n  - id: a\n    secret: 'it's'\n    key: b\n", 3, "text after a closing quote"},
	{"double quote in quotes", "listen: \"a\"b\"\n", 1, "text after a closing quote"},
	{"value after a quote", "listen: \":1\" all\n", 1, "text after a closing quote"},
	{"list that is not closed", "apps: [\n", 1, "[ or { that is not closed"},
	{"comma with nothing before it", "listen: \":1\"\napps: [{id: a, , key: b}]\n", 2, "has a comma with nothing before it"},
	{"text right after >", "listen: >5x\n", 1, "text after | or >"},
	{"open list", "apps:\n  - id: a\n    allowed_origins: [a, b\nlisten: ':1'\n", 3, "that is not closed"},
	{"open group", "log: {level: info\napps: []\n", 1, "that is not closed"},
	{"list closed twice", "apps:\n  - id: a\n    allowed_origins: [a, b]]\nlisten: ':1'\n", 3, "that is not open"},
	{"group closed twice", "listen: ':1'\n}\n", 2, "that is not open"},
	{"escape", "tls:\n  cert_file: \"C:\\pem\\a.pem\"\n", 2, `write \\`},
	{"directive", "%YAML 3.0\n---\nlisten: ':1'\n", 1, "directive"},
	{"second YAML document", minimal + "---\nlisten: ':1'\n", 3, "second YAML document"},
	{"TOML", "# mine\nlisten = ':6001'\n[metrics]\nlisten = ':2'\n", 2, "is TOML or INI; this file must be YAML, so write listen: and the value"},
	{"TOML that begins with a table", "\n[metrics]\nlisten = ':2'\n", 2, "write metrics: and its keys"},
	{"TOML with a list of tables", "[[apps]]\nid = 'a'\n", 1, "write apps: and its keys"},
	{"environment file", "FANFARE_LISTEN=:6001\nFANFARE_LOG_LEVEL=debug\n", 1, "sets an environment variable"},
	{"exports", "export FANFARE_LISTEN=:6001\n", 1, "sets an environment variable"},
	{"JSON with comments", "{\n  // comment\n  \"listen\": \":1\"\n}\n", 2, "contains a comment, which JSON does not allow"},
	{"JSON with a comment behind a value", "{\n  \"path_prefix\": \"//\",\n  \"listen\": \":1\", // comment\n \"log\": {}\n}\n", 3, "contains a comment"},
	{"JSON with a block comment", "{\n  \"listen\": \":1\" /* comment */\n}\n", 2, "contains a comment"},
	{"JSON with a comment before", "// comment\n{\n  \"listen\": \":1\"\n}\n", 1, "contains a comment"},
	{"JSON without a comma", "{\n  \"listen\": \":1\"\n  \"log\": {}\n}\n", 3, "lacks a comma"},
	{"JSON that is not closed", "{\n  \"log\": {\n    \"level\": \"info\"\n  }\n", 4, "that is not closed"},
	{"no UTF-8", "listen: ':1'\npath_prefix: /caf\xe9\n", 2, "save the file as UTF-8"},
	{"control character", "listen: ':1'\npath_prefix: /\x01\n", 2, "control character (U+0001)"},
	{"space from a web page", "log:\n\u00a0\u00a0level: info\n  format: text\n", 2, "U+00A0"},
	{"UTF-16 without a mark", "l\x00i\x00s\x00t\x00e\x00n\x00:\x00", 0, "save it as UTF-8"},
	{"half a character of UTF-16", "\xff\xfel\x00i", 0, "half a character"},
}

func TestLoad_FileThatIsNotYAML_NamesLineAndRemedy(t *testing.T) {
	for _, tt := range unreadable {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(write(t, tt.text), nil, nil)
			var e *Error
			if !errors.As(err, &e) || len(e.Problems) != 1 {
				t.Fatalf("got %v, want one problem", err)
			}
			want := problemAt("config.yaml", tt.line)
			if p := e.Problems[0]; p.Source != want || !strings.Contains(p.Text, tt.words) {
				t.Errorf("got %v\nwant %s with %q", p, want, tt.words)
			}
			if strings.Contains(e.Problems[0].Text, "yaml: ") {
				t.Errorf("%v is of the parser's own", err)
			}
		})
	}
}

// The line is found in time in a file of many apps, wherever it is.
func TestLoad_FaultInALongFile(t *testing.T) {
	var lines []string
	for range 1000 {
		lines = append(lines, "  - id: a", "    key: b", "    secret: 'two", "      lines'")
	}
	for _, n := range []int{0, 1, 77, 999} {
		broken := slices.Clone(lines)
		broken[4*n+1] = "   key: b"
		_, err := Load(write(t, "apps:\n"+strings.Join(broken, "\n")+"\n"), nil, nil)
		if want := problemAt("config.yaml", 4*n+3) + ": is indented by 3 spaces"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("app %d: got %v, want %s", n, err, want)
		}
	}
}

func problemAt(name string, line int) string { return source{name, line}.String() }

func TestLoad_FormsOfText(t *testing.T) {
	plain := "listen: ':7001'\nlog: {level: warn}\n" + minimal
	wide := func(order binary.AppendByteOrder, text string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune("\uFEFF" + text)) {
			b = order.AppendUint16(b, unit)
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"mark of UTF-8":         "\uFEFF" + plain,
		"line ends of Windows":  strings.ReplaceAll(plain, "\n", "\r\n"),
		"line ends of old Macs": strings.ReplaceAll(plain, "\n", "\r"),
		"UTF-16, little":        wide(binary.LittleEndian, plain),
		"UTF-16, big":           wide(binary.BigEndian, strings.ReplaceAll(plain, "\n", "\r\n")),
		"document with ends":    "---\n" + plain + "...\n",
		"JSON with tabs":        "{\n\t\"listen\": \":7001\",\n\t\"log\": {\n\t\t\"level\": \"warn\"\n\t},\n\t\"apps\": [{\"id\": \"chat\", \"key\": \"k\", \"secret\": \"s\"}]\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(write(t, text), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.Listen != ":7001" || c.Log.Level != "warn" || len(c.Apps) != 1 || c.Apps[0].ID != "chat" {
				t.Errorf("got %+v", c)
			}
			_, err = Load(write(t, strings.Replace(text, "warn", "warm", 1)), nil, nil)
			if strings.HasPrefix(name, "line ends") && (err == nil || !strings.Contains(err.Error(), "config.yaml:2: ")) {
				t.Errorf("got %v, want line 2", err)
			}
		})
	}
}
