package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// images finds the images that compose files, workflows, Dockerfiles and commands name.
var images = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^\s*(?:- )?image:[ \t]*["']?([a-z][^\s"'#]*)`),
	regexp.MustCompile(`(?m)^\s*image\s*=\s*"([^"]+)"`),
	regexp.MustCompile(`(?m)^FROM (\S+)`),
	regexp.MustCompile(`docker run (?:--?\S+ |\S+[:=/]\S* )*?([a-z][a-z0-9./_-]*(?::[\w.-]+)?)(?:\s|$)`),
}

// pinned is a tag that names a version down to the minor one, or a release of Debian.
var pinned = regexp.MustCompile(`^(v?\d+\.\d+(\.\d+)?(-[a-z]+)?|bookworm)$`)

// An image of somebody else has a tag that stays what it is, and one tag in all
// files. The image of fanfare is built by whoever deploys it, and has their tags.
func TestImages_ArePinnedAndTheSameEverywhere(t *testing.T) {
	tags, where := map[string]string{}, map[string]string{}
	for _, start := range []string{".github", "Dockerfile", "README.md", "deploy", "docs", "examples", "test"} {
		err := filepath.WalkDir(filepath.Join(root, start), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if name := d.Name(); name == "node_modules" || name == "vendor" || strings.HasPrefix(name, ".") && name != ".github" {
					return filepath.SkipDir
				}
				return nil
			}
			switch filepath.Ext(path) {
			case ".yaml", ".yml", ".md", ".hcl", ".toml":
			default:
				if !strings.HasPrefix(d.Name(), "Dockerfile") {
					return nil
				}
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, image := range images {
				for _, found := range image.FindAllStringSubmatch(string(text), -1) {
					name, tag, _ := strings.Cut(found[1], ":")
					if name == "scratch" || name == "fanfare" || strings.HasSuffix(name, "/fanfare") {
						continue
					}
					if !pinned.MatchString(tag) {
						t.Errorf("%s: the image %s is not pinned to a version", path, found[1])
					}
					if other, known := tags[name]; known && other != tag {
						t.Errorf("%s has %s:%s, and %s has %s:%s", path, name, tag, where[name], name, other)
					}
					tags[name], where[name] = tag, path
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"busybox", "caddy", "debian", "golang", "grafana/grafana", "prom/prometheus", "redis"} {
		if tags[name] == "" {
			t.Errorf("no file names the image %s", name)
		}
	}
}
