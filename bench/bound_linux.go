package bench

import (
	"os/exec"
	"syscall"
)

// bind makes the kernel end a process when this one ends, for whatever reason.
func bind(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
