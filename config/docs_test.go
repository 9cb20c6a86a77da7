package config

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// shortened are values that a page shows in part.
var shortened = regexp.MustCompile(`(encryption_key:) [^$ ]+\.\.\.`)

var yamlBlock = regexp.MustCompile("(?ms)^[ >]*```yaml[^\n]*\n(.*?)^[ >]*```$")

// Every block of a page of the manual that holds keys of a configuration is one
// that can be loaded, together with an app if it has none.
func TestManual_ExamplesOfConfigurationsLoad(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, f := range schema() {
		keys = append(keys, f.key)
	}
	checked := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			var top map[string]any
			if err := yaml.Unmarshal([]byte(m[1]), &top); err != nil {
				t.Errorf("%s: a block is no YAML: %v\n%s", page, err, m[1])
				continue
			}
			foreign := len(top) == 0
			for key := range top {
				foreign = foreign || !slices.Contains(keys, key)
			}
			if foreign {
				continue // of Compose, Helm or another program
			}
			checked++
			block := shortened.ReplaceAllString(m[1], "$1 "+strings.Repeat("0a", 32))
			if _, has := top["apps"]; !has {
				block += "\napps: [{id: chat, key: abc, secret: s3cret}]\n"
			}
			environment := []string{"CHAT_SECRET=s3cret", "OTLP_TOKEN=token", "STORE_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}
			if _, err := Load(write(t, block), nil, environment); err != nil {
				t.Errorf("%s: %v\n%s", page, err, m[1])
			}
		}
	}
	if checked < 8 {
		t.Errorf("found %d configurations in the pages: they are not read right", checked)
	}
}
