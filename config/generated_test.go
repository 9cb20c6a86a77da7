package config

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// make docs sets it.
var update = flag.Bool("update", false, "write config.yaml and docs/configuration.md")

func TestGenerated_FilesMatchTheCode(t *testing.T) {
	for name, want := range map[string][]byte{
		"../config.yaml":           Sample(),
		"../docs/configuration.md": Manual(),
	} {
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
		case strings.HasPrefix(line, "    keys: []"), strings.HasPrefix(line, "    webhooks: []"):
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
	if len(got.Apps) != 1 || len(got.Apps[0].Keys) != 1 || len(got.Apps[0].Webhooks) != 1 {
		t.Errorf("apps %+v, want one with a further key and a webhook", got.Apps)
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
	if diff := cmp.Diff(example, err.Error()); diff != "" {
		t.Errorf("the manual shows other mistakes (-manual +real):\n%s", diff)
	}
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
