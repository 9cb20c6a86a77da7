package config

import (
	"os"
	"strings"
	"testing"
)

func TestLoad_Errors_NeverShowASecret(t *testing.T) {
	for _, text := range []string{
		"apps:\n  - {id: a, key: k, secret: ' hunter2'}\n  - {id: a, key: k, secret: ' hunter2'}\n",
		app("keys: hunter2"),
		"apps:\n  - {id: a, key: k, secret: *hunter2 }\n",
		app("keys: [hunter2]"),
		app("webhooks: [{url: 'htps://example.com/?token=hunter2'}]"),
		app("webhooks: [{url: 'https://user:hunter2@:443/'}]"),
		app("webhooks: [{url: 'https://user:hunter2@example.com/#part'}]"),
		app("webhooks: ['https://user:hunter2@example.com/']"),
		hook("headers: 'Authorization: hunter2'"),
		hook(`headers: {Authorization: "hunter2\n"}`),
		hook("headers: {Authorization: '${hunter2-}'}"),
		"apps:\n  - {id: a, key: k, secret:hunter2}\n",
		"apps:\n  - id: a\n    secret:hunter2\n    key: k\n",
		"apps:\n  - id: a\n    secret: hunter2: x\n",
		"apps:\n  - id: a\n    secret: @hunter2\n",
		"apps:\n  - id: a\n    secret: 'hunter2'hunter2\n",
		"apps:\n  - id: a\n    secret: \"hunter2\\q\"\n",
		"apps:\n  - id: a\n    secret: &hunter2\n    key: k\n",
		"apps:\n  - id: a\n    secret: !hunter2\n    key: k\n",
		"apps:\n  - id: a\n    secret: #hunter2\n    key: k\n",
		"apps:\n  - id: a\n    secret: \"'hunter2'\"\n    key: k\n",
		"apps:\n  - id: a\n    key: hunter2\n    secret: hunter2\n",
		"secret = 'hunter2'\n",
	} {
		_, err := Load(write(t, text), nil, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", text, err)
		}
	}
	_, err := Load(write(t, hook("headers: {}")), nil, []string{`FANFARE_APPS_0_WEBHOOKS_0_HEADERS={"Authorization":"hunter2"`})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// Whatever stands around a secret, the error does not repeat it.
func TestLoad_SecretInEveryForm_IsNeverShown(t *testing.T) {
	marks := []string{"", "'", `"`, "`", "@", "%", "*", "&", "!", "!!", "|", ">", "#", " #", "[", "]", "{", "}", ",", "-", "- ", ":", ": ", "? ", "\\", "\t", "${", "\u00a0", "\n", "\n  ", "<<: "}
	places := []string{
		"apps:\n  - id: a\n    key: k\n    secret: %s\n    enabled: true\n",
		"apps:\n  - {id: a, key: k, secret: %s, enabled: true}\n",
		"apps:\n  - {id: a, key: k, secret:%s}\n",
		"{\"apps\": [{\"id\": \"a\", \"key\": \"k\", \"secret\": %s}]}\n",
		app("keys: [{key: old, secret: %s}]"),
		app("webhooks: [{url: 'https://u:%s@example.com/'}]"),
		app("webhooks: [{url: https://example.com/%s}]"),
		hook("headers: {Authorization: %s}"),
		"secret = %s\n",
	}
	name := write(t, "")
	for _, place := range places {
		for _, before := range marks {
			for _, behind := range []string{"", before, "'", `"`, ",", ", ", ": ", ":"} {
				if (strings.HasPrefix(before, "\n") || before == "," || before == "{") && strings.HasPrefix(behind, ":") {
					continue // that makes it a key
				}
				text := strings.Replace(place, "%s", before+"hunter2"+behind, 1)
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				c, err := Load(name, nil, nil)
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%q:\n%v", text, err)
				}
				if c != nil && strings.Contains(string(c.Print()), "hunter2") && !strings.Contains(text, "\n  hunter2") {
					t.Errorf("%q is printed:\n%s", text, c.Print())
				}
			}
		}
	}
}
