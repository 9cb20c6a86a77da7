package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the top of the tree, and files the folder that is tested.
const (
	root  = "../.."
	files = root + "/deploy"
)

// built is the path of fanfare, of the tree as it is.
var built = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs(".build/fanfare")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", path, "./cmd/fanfare")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &buildError{string(out), err}
	}
	return path, nil
})

type buildError struct {
	output string
	err    error
}

func (e *buildError) Error() string { return e.err.Error() + "\n" + e.output }

func fanfare(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func promtool(t *testing.T) string { t.Helper(); return brought(t, "promtool") }

// brought is the path of a program that setup has brought.
func brought(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(".build/" + name)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v; run test/deploy/setup", err)
	}
	return path
}

// passes runs a program in a folder, which has to end with 0, and returns what
// it printed.
func passes(t *testing.T, folder, program string, arguments ...string) string {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// passesWith is passes, with variables and no others.
func passesWith(t *testing.T, env []string, program string, arguments ...string) {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(arguments, " "), err, out)
	}
}

// takes checks a configuration as fanfare does before a start: of a file, "" for
// none, and variables. There has to be no mistake and no warning, such as of a
// variable that sets no key. Secrets that files hold are files of the test.
func takes(t *testing.T, file string, variables map[string]string) {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("4b1ddc2e8b1b4cf2a7a1"), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"config", "check"}
	if file != "" {
		arguments = append(arguments, "--config", file)
	}
	cmd := exec.Command(fanfare(t), arguments...)
	for name, value := range variables {
		if !strings.HasPrefix(name, "FANFARE_") {
			continue
		}
		if strings.HasSuffix(name, "_FILE") && strings.HasPrefix(value, "/") && !strings.Contains(name, "_TLS_") {
			value = secret
		}
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "warning") {
		t.Errorf("fanfare config check: %v\n%s\nwith %v", err, out, cmd.Env)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(files, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
