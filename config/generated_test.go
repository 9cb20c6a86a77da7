package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// make docs sets it.
var update = flag.Bool("update", false, "write config.yaml and docs/configuration*.md")

func TestGenerated_FilesMatchTheCode(t *testing.T) {
	files := map[string][]byte{"../config.yaml": Sample()}
	for page, text := range Manual() {
		files["../docs/"+page] = text
	}
	for name, want := range files {
		if *update {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from the code; run `make docs` (-file +code):\n%s", name, cmp.Diff(string(got), string(want)))
		}
	}
}

func TestSample_LoadsAsTheDefaults(t *testing.T) {
	name := write(t, string(Sample()))
	got, err := Load(name, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.DemoApp = false
	if diff := cmp.Diff(want, *got, asValues); diff != "" {
		t.Errorf("config.yaml is not the defaults (-defaults +file):\n%s", diff)
	}
}

func TestSample_ExamplesLoadWhenUncommented(t *testing.T) {
	text := string(Sample())
	var lines []string
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "    keys: []"), strings.HasPrefix(line, "    webhooks: []"), strings.HasPrefix(line, "    history: []"), strings.HasPrefix(line, "  tokens: []"):
			lines = append(lines, strings.Replace(line, " []", "", 1))
		case strings.HasPrefix(line, "    # -") || strings.HasPrefix(line, "    #  "):
			lines = append(lines, strings.Replace(line, "# ", "  ", 1))
		default:
			lines = append(lines, line)
		}
	}
	got, err := Load(write(t, strings.Join(lines, "")), nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines, ""))
	}
	if len(got.Admin.Tokens) != 1 {
		t.Errorf("tokens %+v, want one", got.Admin.Tokens)
	}
	if len(got.Apps) != 1 || len(got.Apps[0].Keys) != 1 || len(got.Apps[0].Webhooks) != 1 || len(got.Apps[0].History) != 1 {
		t.Errorf("apps %+v, want one with a further key, a rule of the history and a webhook", got.Apps)
	}
}

func TestManual_ExampleOfMistakesIsReal(t *testing.T) {
	_, example, _ := strings.Cut(manualHead, "--config broken.yaml\n")
	example, _, _ = strings.Cut(example, "\n```")
	dir := t.TempDir()
	name := dir + "/broken.yaml"
	broken := "apps:\n  - {id: chat, key: abc,\n     secert: x,\n     limits: {max_event_bytes: 10k}}\n"
	if err := os.WriteFile(name, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(name, nil, nil)
	if err == nil {
		t.Fatal("a broken file was accepted")
	}
	if diff := cmp.Diff(example, "fanfare: "+err.Error()); diff != "" {
		t.Errorf("the manual shows other mistakes (-manual +real):\n%s", diff)
	}
}

// A tag with a typing error would check nothing.
func TestSchema_TagsAreKnown(t *testing.T) {
	var visit func(fields []*field, path string)
	visit = func(fields []*field, path string) {
		for _, f := range fields {
			p := join(path, f.key)
			switch f.rule {
			case "", "secret", "password", "headers", "whole_seconds", "events_kept", "time_kept": // in check.go
			default:
				if rules(f.rule) == nil {
					t.Errorf("%s: there is no rule %q", p, f.rule)
				}
			}
			switch f.reload {
			case "", "no", "unless_empty":
			default:
				t.Errorf("%s: reload is %q", p, f.reload)
			}
			if f.kind == kindNumber && (f.min != "" || f.max != "") {
				if low, high := f.numberBounds(); low >= high {
					t.Errorf("%s: from %d to %d", p, low, high)
				}
			}
			visit(f.fields, p)
		}
	}
	visit(schema(), "")
}

func TestSchema_EveryKeyIsDocumented(t *testing.T) {
	var visit func(fields []*field, path string)
	visit = func(fields []*field, path string) {
		for _, f := range fields {
			if p := join(path, f.key); !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%s: doc %q is not a sentence", p, f.doc)
			}
			visit(f.fields, join(path, f.key))
		}
	}
	visit(schema(), "")
}

// What is printed is a file again, once its secrets are written into it, and no
// file before: nobody may serve a mask for a secret.
func TestPrint_IsTheSameConfiguration_OnceSecretsAreFilledIn(t *testing.T) {
	c := load(t, `
listen: "127.0.0.1:0"
path_prefix: "/a'c"
log: {level: trace, format: pretty}
http: {trusted_proxies: [10.0.0.0/8, "::1"]}
shutdown: {spread: 1m30s, timeout: 1h}
apps:
  - id: "true"
    key: "null"
    secret: hunter2
    keys: [{key: "0x10", secret: hunter2}]
    allowed_origins: [https://a.example, "*.b.example"]
    limits: {max_connections: 5}
    webhooks:
      - url: https://me:hunter2@a.example:8443/hunter2?t=hunter2
        events: [member_added]
        headers: {Authorization: hunter2, X-Name: hunter2}
        filter: {channel_pattern: '^presence-\d+"$'}
      - url: http://b.example
  - {id: b, key: bk, secret: hunter2}
`)
	printed := string(c.Print())
	if strings.Contains(printed, "hunter2") {
		t.Fatalf("a secret is in\n%s", printed)
	}
	_, err := Load(write(t, printed), nil, nil)
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 6 {
		t.Errorf("got %v, want a problem for each of the secrets, the url and the headers", err)
	}
	filled := strings.NewReplacer(
		`https://********@a.example:8443/********`, "https://me:hunter2@a.example:8443/hunter2?t=hunter2",
		`"********"`, "hunter2",
	).Replace(printed)
	if diff := cmp.Diff(c, load(t, filled), asValues); diff != "" {
		t.Errorf("(-loaded +printed)\n%s\n%s", diff, filled)
	}
}

func TestMaskedURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example":                   "https://a.example",
		"https://a.example/":                  "https://a.example",
		"http://a.example:8080/hooks":         "http://a.example:8080/********",
		"https://a.example?token=hunter2":     "https://a.example/********",
		"https://hunter2@a.example":           "https://********@a.example",
		"https://a:hunter2@a.example/hunter2": "https://********@a.example/********",
		"https://a b/":                        "********",
	} {
		if got := maskedURL(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestNewFile_LoadsAsTheDefaultsWithItsApp(t *testing.T) {
	want := Defaults()
	want.DemoApp = false
	want.Apps[0].ID, want.Apps[0].Key, want.Apps[0].Secret = "123", "abc", "s3cret"
	if diff := cmp.Diff(&want, load(t, string(NewFile("123", "abc", "s3cret"))), asValues); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
