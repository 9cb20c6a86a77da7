//go:build unix

package webhooks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// alone runs the test that calls it in a process of its own and reports whether
// this is that process. The limit of fullDisk counts for all files of a process,
// the log that go test keeps of a test among them.
func alone(t *testing.T) bool {
	t.Helper()
	const asked = "FANFARE_TEST_ALONE"
	if os.Getenv(asked) == t.Name() {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), asked+"="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// fullDisk lets no file of this process grow above size until the returned
// function is called or the test ends, as a full disk would.
func fullDisk(t *testing.T, size uint64) (freed func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limited := before
	limited.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	freed = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(freed)
	return freed
}

func TestStore_CannotBeMadeOnAFullDisk_ALaterStartMakesIt(t *testing.T) {
	if !alone(t) {
		return
	}
	for _, before := range []string{"missing", "empty"} {
		file := storeFile(t)
		if before == "empty" {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		freed := fullDisk(t, 8<<10)
		if _, err := New(Config{Apps: testRegistry(t), Store: file}); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "too large") {
			t.Fatalf("%s: error %v", before, err)
		}
		freed()
		if drafts, err := filepath.Glob(file + ".*"); err != nil || len(drafts) > 0 {
			t.Errorf("%s: the failure leaves %v, %v", before, drafts, err)
		}
		s, err := New(Config{Apps: testRegistry(t), Store: file})
		if err != nil {
			t.Fatalf("%s: a start on a disk with room again: %v", before, err)
		}
		s.Close()
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: the file is %v, %v; want mode 0600", before, info.Mode(), err)
		}
	}
}

// What fills up while the server runs is a store that opens again, with what
// was written before.
func TestStore_DiskFullWhileItRuns_StaysReadable(t *testing.T) {
	if !alone(t) {
		return
	}
	noLeaks(t)
	file := storeFile(t)
	s := newTest(t, Config{Store: file}, nil)
	s.Observe(numbered(0))
	if err := s.journal.write(); err != nil {
		t.Fatal(err)
	}
	freed := fullDisk(t, 64<<10)
	for i := range 3000 {
		s.Observe(numbered(1 + i))
	}
	if err := s.journal.write(); err == nil {
		t.Fatal("a full disk took 3000 events")
	}
	s.Close()
	freed()
	s = newTest(t, Config{Store: file}, nil)
	defer s.Close()
	if n := s.undelivered(); n != 1 {
		t.Errorf("%d events are left, want the one that was written", n)
	}
}
