// Package console serves the pages of the console, which use the admin API:
// plain JavaScript modules and style sheets that need no build step. It does
// not access the server. cmd/fanfare passes its Handler to adminapi.
package console

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

// types are the media types of the files. The operating system's tables differ,
// and browsers do not run a module with another type.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".LICENSE": "text/plain; charset=utf-8",
}

// Handler serves the files. It sets no security headers: adminapi sets them on
// all of its responses.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD are allowed here", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		kind, known := types[path.Ext(name)]
		content, err := fs.ReadFile(static, "static/"+name)
		if err != nil || !known {
			http.Error(w, "there is nothing at this path", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	})
}
