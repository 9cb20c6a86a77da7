package config

import (
	"strings"
	"testing"
)

const sampleKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func TestStore_AppsOfTheFileAreNotServed_AndItIsSaid(t *testing.T) {
	cfg, err := Load(write(t, "store: {kind: sqlite, dsn: /tmp/apps.db}\napps: [{id: a, key: k, secret: s}]\n"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Apps) != 0 || len(cfg.FileApps) != 1 || cfg.DemoApp {
		t.Errorf("%d apps are served, %d are of the file", len(cfg.Apps), len(cfg.FileApps))
	}
	if got := strings.Join(cfg.Warnings, "\n"); !strings.Contains(got, "fanfare apps import") {
		t.Errorf("warnings %q", got)
	}
	cfg, err = Load("", nil, []string{"FANFARE_STORE_KIND=postgres", "FANFARE_STORE_DSN=postgres://db/x"})
	if err != nil || len(cfg.Apps) != 0 || len(cfg.FileApps) != 0 || cfg.DemoApp || len(cfg.Warnings) != 0 {
		t.Errorf("without a file: %+v, %v", cfg, err)
	}
}

func TestStore_Mistakes(t *testing.T) {
	for text, want := range map[string]string{
		"store: {kind: postgres}":                                                 "store.dsn: is missing",
		"store: {kind: oracle}":                                                   "is not one of file, sqlite, postgres, mysql",
		"store: {kind: sqlite, dsn: x, encryption_key: short}":                    "store.encryption_key: is not 32 bytes",
		"store: {kind: sqlite, dsn: x, old_encryption_keys: [" + sampleKey + "]}": "store.encryption_key: is missing",
	} {
		if _, err := Load(write(t, text+"\n"), nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want … %s", text, err, want)
		}
	}
}

func TestStore_SecretsAreMasked(t *testing.T) {
	cfg, err := Load(write(t, "store: {kind: sqlite, dsn: secret-place, encryption_key: "+sampleKey+", old_encryption_keys: ["+sampleKey+"]}\n"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if shown := string(cfg.Print()); strings.Contains(shown, "secret-place") || strings.Contains(shown, sampleKey) {
		t.Error(shown)
	}
	if n := len(cfg.Store.EncryptionKeys()); n != 2 {
		t.Errorf("%d keys", n)
	}
}
