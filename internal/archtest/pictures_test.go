package archtest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The pictures in docs/images are those that tools/pictures draws, from the
// figures that docs/performance.md has now.
func TestPictures_AreThoseOfTheirSource(t *testing.T) {
	cmd := exec.Command("go", "run", "-C", filepath.Join(root, "tools"), "./pictures", "-check")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
