//go:build store && linux

package store

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// manual is docs/apps.md.
func manual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/apps.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The SQL of docs/apps.md changes an app in such a way that nodes notice it.
func TestManual_RowsAreEditedByHand(t *testing.T) {
	block := regexp.MustCompile(`(?m)^    BEGIN;\n(?:    .*\n)+`).FindString(manual(t))
	if strings.Count(block, "'...'") != 1 || strings.Count(block, ";") != 4 {
		t.Fatalf("the block of SQL is another than this test knows:\n%s", block)
	}
	block = strings.Replace(block, "'...'", `'{"enabled":false}'`, 1)
	each(t, func(t *testing.T, d *database) {
		s, dsn := migrated(t, d, "byhand")
		if _, err := s.Create(t.Context(), app("shop")); err != nil {
			t.Fatal(err)
		}
		n := serve(t, d, dsn)
		eventually(t, "the app is served", func() bool { return letIn(t, n, "key-shop") })
		file := filepath.Join(t.TempDir(), "edit.sql")
		if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
			t.Fatal(err)
		}
		d.load(t, dsn, file)
		a, err := s.Get(t.Context(), "shop")
		if err != nil || a.Enabled {
			t.Errorf("after the change by hand: %+v, %v", a, err)
		}
		eventually(t, "the node notices", func() bool { return !letIn(t, n, "key-shop") })
	})
}

// The command of docs/apps.md for soketi's database, with another address in it.
func TestManual_TheTableOfSoketiIsImported(t *testing.T) {
	command := regexp.MustCompile("`fanfare (apps import --soketi-database) '(mysql://[^']*)'`").FindStringSubmatch(manual(t))
	if command == nil {
		t.Fatal("docs/apps.md has no command with --soketi-database")
	}
	each(t, func(t *testing.T, d *database) {
		theirs := d.fresh(t, "theirs")
		d.exec(t, theirs, soketiTable(d), `INSERT INTO apps VALUES ('sok', 'sok-key', 'sok-secret', 200, 1, 1, '[]', '50')`)
		address := theirs
		if d.kind == "mysql" { // the form of the page
			user, rest, _ := strings.Cut(command[2], "@tcp(")
			_, name, _ := strings.Cut(rest, ")")
			if user != "mysql://user:password" || name != "/soketi" {
				t.Fatalf("docs/apps.md has the address %s", command[2])
			}
			address = fmt.Sprintf("mysql://root@tcp(127.0.0.1:%d)/theirs", d.port)
		}
		s, dsn := migrated(t, d, "ours")
		cmd := exec.Command(binary, append(strings.Fields(command[1]), address)...)
		cmd.Env = append(os.Environ(), "FANFARE_STORE_KIND="+d.kind, "FANFARE_STORE_DSN="+dsn)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "apps created: 1") {
			t.Fatalf("%v\n%s", err, out)
		}
		if a, err := s.Get(t.Context(), "sok"); err != nil || a.Key != "sok-key" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}
