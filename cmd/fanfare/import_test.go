package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fanfare/config"
)

func TestImport_WritesAFileThatServeTakes(t *testing.T) {
	env := writeFile(t, "REVERB_APP_ID=7\nREVERB_APP_KEY=reverb-key\nREVERB_APP_SECRET=reverb-secret\nREVERB_APP_PING_INTERVAL=20\n")
	out := filepath.Join(t.TempDir(), "new.yaml")
	told, err := execute(t, "import", env, "--out", out)
	if err != nil || !strings.HasPrefix(told, out+" is written from Reverb: 1 app, clients on :8080\none key could not be carried over") || strings.Contains(told, "reverb-secret") {
		t.Fatalf("%q, %v", told, err)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if checked, err := execute(t, "config", "check", out); err != nil || !strings.Contains(checked, "is usable: 1 app") {
		t.Errorf("%q, %v", checked, err)
	}
	if _, err := execute(t, "import", env, "--out", out); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("over a file that is there: %v", err)
	}
	if told, err := execute(t, "import", env, "--out", out, "--force"); err != nil {
		t.Errorf("%q, %v", told, err)
	}
	text, err := execute(t, "import", env, "--out", "-")
	if written, _ := os.ReadFile(out); err != nil || text != string(written) {
		t.Errorf("on standard output %v:\n%s", err, text)
	}
}

func TestImport_OfTheEnvironment(t *testing.T) {
	t.Setenv("SOKETI_DEFAULT_APP_ID", "shop")
	t.Setenv("SOKETI_DEFAULT_APP_KEY", "shop-key")
	t.Setenv("SOKETI_DEFAULT_APP_SECRET", "shop-secret")
	out := filepath.Join(t.TempDir(), "new.yaml")
	if told, err := execute(t, "import", "-o", out); err != nil || !strings.Contains(told, "is written from soketi: 1 app") {
		t.Fatalf("%q, %v", told, err)
	}
	cfg, err := config.Load(out, nil, nil)
	if err != nil || cfg.Apps[0].Key != "shop-key" {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestImport_OfStandardInput(t *testing.T) {
	var stdout bytes.Buffer
	cmd := newCommand()
	cmd.SetIn(strings.NewReader(`[{"key":"k","secret":"s"}]`))
	cmd.SetOut(&stdout)
	cmd.SetArgs([]string{"import", "-", "--id", "1234567", "--out", "-"})
	if err := cmd.ExecuteContext(t.Context()); err != nil || !strings.Contains(stdout.String(), `id: "1234567"`) || !strings.Contains(stdout.String(), "imported from standard input") {
		t.Errorf("%v: %s", err, stdout.String())
	}
}

// What fanfare cannot take is written all the same, and named.
func TestImport_WhatNeedsAHand_IsWrittenAndAnError(t *testing.T) {
	out := filepath.Join(t.TempDir(), "new.yaml")
	_, err := execute(t, "import", writeFile(t, `{"app_id":"my shop","key":"k","secret":"hunter2"}`), "-o", out)
	if err == nil || !strings.Contains(err.Error(), "is written and must be completed by hand") || !strings.Contains(err.Error(), "apps[0].id") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
}

func TestImport_Refusals(t *testing.T) {
	for line, want := range map[string]string{
		"import --from pushr -o -":  `--from "pushr" is not one of reverb, soketi, pusher`,
		"import --id a/b -o -":      "--id: ",
		"import /nowhere/.env -o -": "read what to import: open /nowhere/.env",
	} {
		if out, err := execute(t, strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fanfare %s: %v, want %q\n%s", line, err, want, out)
		}
	}
}
