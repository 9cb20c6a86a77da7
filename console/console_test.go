package console

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestHandler_ServesFilesAndNothingElse(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/index.html", 200, "text/html; charset=utf-8"},
		{"HEAD", "/main.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/vendor/preact.mjs", 200, "text/javascript; charset=utf-8"},
		{"GET", "/vendor/htm.LICENSE", 200, "text/plain; charset=utf-8"},
		{"GET", "/style/base.css", 200, "text/css; charset=utf-8"},
		{"GET", "/icon.svg", 200, "image/svg+xml"},
		{"GET", "/pages", 404, "text/plain; charset=utf-8"},
		{"GET", "/pages/", 404, "text/plain; charset=utf-8"},
		{"GET", "/../console.go", 404, "text/plain; charset=utf-8"},
		{"GET", "/nothing.js", 404, "text/plain; charset=utf-8"},
		{"POST", "/", 405, "text/plain; charset=utf-8"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "/", nil)
		r.URL.Path = c.path
		Handler().ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, w.Code, w.Header().Get("Content-Type"), c.status, c.kind)
		}
	}
}

// everyFile calls look with each file of the console.
func everyFile(t *testing.T, look func(name, text string)) {
	t.Helper()
	n := 0
	err := fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(static, name)
		n++
		look(strings.TrimPrefix(name, "static/"), string(b))
		return err
	})
	if err != nil || n < 20 {
		t.Fatalf("%d files: %v", n, err)
	}
}

func TestFiles_HaveTypes(t *testing.T) {
	everyFile(t, func(name, _ string) {
		if types[path.Ext(name)] == "" {
			t.Errorf("%s would not be served", name)
		}
	})
}

// What comes from users is text: no file of ours can make elements of it.
func TestFiles_MakeNoElementsOfText(t *testing.T) {
	makes := regexp.MustCompile(`(?i)innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc|\beval\(|new Function|setHTMLUnsafe`)
	everyFile(t, func(name, text string) {
		if strings.HasPrefix(name, "vendor/") {
			return
		}
		if found := makes.FindString(text); found != "" {
			t.Errorf("%s uses %s", name, found)
		}
	})
}

// The policy of the listener is default-src 'self': what it forbids would just
// not work.
func TestFiles_KeepToTheContentSecurityPolicy(t *testing.T) {
	elsewhere := regexp.MustCompile(`(?:src|href)="(?:https?:)?//|from '(?:https?:)?//|import\('|url\(["']?(?:https?:|//|data:)|@import`)
	inline := regexp.MustCompile(`<style|<script>|\sstyle=|\son[a-z]+="`)
	everyFile(t, func(name, text string) {
		if strings.HasPrefix(name, "vendor/") {
			return
		}
		if found := elsewhere.FindString(text); found != "" {
			t.Errorf("%s loads %s", name, found)
		}
		if found := inline.FindString(text); found != "" {
			t.Errorf("%s has %s inline", name, found)
		}
	})
}

// Imports lead to files that are there: nothing is built that would notice.
func TestFiles_ImportWhatIsThere(t *testing.T) {
	imports := regexp.MustCompile(`from '([^']+)'|import '([^']+)'|(?:src|href)="([^"#$]+\.[a-z]+)"`)
	everyFile(t, func(name, text string) {
		for _, m := range imports.FindAllStringSubmatch(text, -1) {
			to := m[1] + m[2] + m[3]
			if m[3] != "" { // in a page, whose base is the top
				to = path.Join("static", to)
			} else if strings.HasPrefix(to, ".") {
				to = path.Join("static", path.Dir(name), to)
			} else {
				if !strings.HasPrefix(name, "pages/snippets.js") { // code that is shown
					t.Errorf("%s imports %q", name, to)
				}
				continue
			}
			if _, err := fs.Stat(static, to); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// vendored is a package of npm in vendor.json. test/console holds its files to
// those of the release.
type vendored struct {
	Version, Integrity string
	Files              map[string]struct{ Path, Integrity string }
}

func TestVendor_IsAsPinned(t *testing.T) {
	b, err := os.ReadFile("vendor.json")
	if err != nil {
		t.Fatal(err)
	}
	var packages map[string]vendored
	if err := json.Unmarshal(b, &packages); err != nil {
		t.Fatal(err)
	}
	pinned := map[string]bool{}
	for name, p := range packages {
		licence := false
		for file, want := range p.Files {
			pinned["vendor/"+file] = true
			licence = licence || want.Path == "LICENSE"
			content, err := fs.ReadFile(static, "static/vendor/"+file)
			if err != nil {
				t.Error(err)
				continue
			}
			sum := sha512.Sum512(content)
			if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != want.Integrity {
				t.Errorf("%s of %s %s is %s, want %s", file, name, p.Version, got, want.Integrity)
			}
		}
		if !licence {
			t.Errorf("%s has no licence", name)
		}
	}
	everyFile(t, func(name, _ string) {
		if strings.HasPrefix(name, "vendor/") && !pinned[name] {
			t.Errorf("%s is not in vendor.json", name)
		}
	})
}

func TestHandler_NoSuchMethod_SaysWhichThereAre(t *testing.T) {
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest(http.MethodDelete, "/", nil))
	if got := w.Header().Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow is %q", got)
	}
}
