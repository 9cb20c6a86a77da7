//go:build store && linux

package store

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"fanfare/internal/testkit/deadline"
)

// database is a server in a folder and on a port of its own.
type database struct {
	kind   string
	folder string
	port   int
	admin  string // address of a database that is always there
	driver string
	start  func() *exec.Cmd
	server *exec.Cmd
}

// nobody is who runs the servers where the tests are run by root: PostgreSQL
// refuses root.
const nobody = 65534

func unprivileged(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func newDatabase(kind string) (d *database, err error) {
	d = &database{kind: kind}
	if d.folder, err = os.MkdirTemp("/tmp", "fanfare-"+kind+"-"); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(d.folder, nobody, nobody); err != nil {
			return nil, err
		}
	}
	if d.port, err = freePort(); err != nil {
		return nil, err
	}
	if kind == "postgres" {
		return d, d.makePostgres()
	}
	return d, d.makeMariaDB()
}

func (d *database) makePostgres() error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		return fmt.Errorf("there is no PostgreSQL; run test/store/setup")
	}
	bin := filepath.Dir(found[len(found)-1])
	data := filepath.Join(d.folder, "data")
	d.driver, d.admin = "pgx", d.dsn("postgres")
	d.start = func() *exec.Cmd {
		return exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", fmt.Sprint(d.port), "-k", d.folder, "-c", "fsync=off", "-c", "max_connections=60")
	}
	return d.prepare(exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "fanfare", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"))
}

func (d *database) makeMariaDB() error {
	server, err := exec.LookPath("mariadbd")
	if err != nil {
		if server, err = exec.LookPath("/usr/sbin/mariadbd"); err != nil {
			return fmt.Errorf("there is no MariaDB; run test/store/setup: %w", err)
		}
	}
	data := filepath.Join(d.folder, "data")
	d.driver, d.admin = "mysql", fmt.Sprintf("root@tcp(127.0.0.1:%d)/mysql", d.port)
	d.start = func() *exec.Cmd {
		return exec.Command(server, "--no-defaults", "--datadir="+data, "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", d.port),
			"--socket="+filepath.Join(d.folder, "s"), "--pid-file="+filepath.Join(d.folder, "pid"), "--skip-grant-tables", "--skip-networking=0", "--innodb-buffer-pool-size=64M")
	}
	return d.prepare(exec.Command("mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db"))
}

func (d *database) prepare(cmd *exec.Cmd) error {
	cmd.Dir = d.folder
	if out, err := unprivileged(cmd).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd.Path, err, out)
	}
	return d.up()
}

// up starts the server and waits until it answers.
func (d *database) up() error {
	log, err := os.OpenFile(filepath.Join(os.TempDir(), filepath.Base(d.folder)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	d.server = unprivileged(d.start())
	d.server.Dir, d.server.Stdout, d.server.Stderr = d.folder, log, log
	if err := d.server.Start(); err != nil {
		return err
	}
	db, err := sql.Open(d.driver, d.admin)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for end := time.Now().Add(deadline.Long); ; time.Sleep(50 * time.Millisecond) {
		if err = db.Ping(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// kill ends the server at once, with every connection.
func (d *database) kill() {
	if d.server == nil {
		return
	}
	if d.kind == "postgres" { // its children go with it
		_ = d.server.Process.Signal(syscall.SIGQUIT)
	} else {
		_ = d.server.Process.Kill()
	}
	_ = d.server.Wait()
	d.server = nil
}

func (d *database) remove() {
	d.kill()
	_ = os.RemoveAll(d.folder)
	_ = os.Remove(filepath.Join(os.TempDir(), filepath.Base(d.folder)+".log"))
}

func (d *database) dsn(name string) string {
	if d.kind == "postgres" {
		return fmt.Sprintf("postgres://fanfare@127.0.0.1:%d/%s?sslmode=disable", d.port, name)
	}
	return fmt.Sprintf("root@tcp(127.0.0.1:%d)/%s", d.port, name)
}

// fresh makes an empty database and returns its address.
func (d *database) fresh(t *testing.T, name string) string {
	t.Helper()
	d.exec(t, d.admin, "CREATE DATABASE "+name)
	return d.dsn(name)
}

func (d *database) exec(t *testing.T, dsn string, queries ...string) {
	t.Helper()
	db, err := sql.Open(d.driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, q := range queries {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}
