// Package console holds the console, the pages of the admin API's listener, as
// they are sent to browsers: plain modules, nothing to build. It knows nothing
// of the server; the pages ask the admin API. cmd/fanfare gives its Handler to
// adminapi.
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

// types are the media types of the files. Those of the operating system's
// tables differ, and browsers run no module of another type.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".LICENSE": "text/plain; charset=utf-8",
}

// Handler answers requests for the files. It sets no headers that concern
// security: adminapi does, for all of its answers.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "files are only read", http.StatusMethodNotAllowed)
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
