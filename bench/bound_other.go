//go:build !linux

package bench

import "os/exec"

// bind does nothing: the client of the benchmark runs on Linux only.
func bind(*exec.Cmd) {}
