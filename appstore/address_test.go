package appstore

import (
	"strings"
	"testing"

	"fanfare/config"
)

// The log shows why an address cannot be read, and no piece of it.
func TestOpen_AnAddressThatIsWrong_IsNotRepeated(t *testing.T) {
	server := config.Defaults()
	for _, wrong := range []struct{ kind, dsn, why string }{
		{"mysql", "fanfare:hunter2/fanfare", "user:password@tcp(host:3306)/name"},
		{"mysql", "fanfare:hun/ter2@tcp(db)", "user:password@tcp(host:3306)/name"},
		{"mysql", "mysql://fanfare:hunter2@db:3306/fanfare", "user:password@tcp(host:3306)/name"},
		{"mysql", "fanfare:hunter2@tcp(db:3306)", "missing the slash"},
		{"mysql", "fanfare:x@tcp(db)/fanfare?tls=hunter2", "parameter"},
		{"postgres", "postgres://fanfare:hunter2", "invalid port"},
		{"postgres", "postgres://fanfare:hun/ter2@db/fanfare", "invalid port"},
		{"postgres", "postgres://fanfare:%ter2@db/fanfare", "failed to parse as URL"},
		{"postgres", "postgres://fanfare:hun@ter2@db/fanfare", "%40"},
		{"postgres", "host=db password=hun ter2", "keyword/value"},
		{"postgres", "host=db password = 'hunter2", "keyword/value"},
		{"postgres", "postgres://fanfare:hunter2@db/fanfare?sslmode=on", "sslmode is invalid"},
		{"sqlite", ":memory:", "path of a file"},
		{"sqlite", "file:apps?mode=memory&cache=shared", "path of a file"},
	} {
		_, err := Open(Config{Kind: wrong.kind, DSN: wrong.dsn, Server: &server})
		if err == nil || !strings.HasPrefix(err.Error(), "store.dsn: ") || !strings.Contains(err.Error(), wrong.why) {
			t.Errorf("%s: %v", wrong.dsn, err)
			continue
		}
		for _, piece := range []string{"hunter2", "hun/", "hun ", "ter2"} {
			if strings.Contains(err.Error(), piece) {
				t.Errorf("%s: %v", wrong.dsn, err)
			}
		}
	}
}
