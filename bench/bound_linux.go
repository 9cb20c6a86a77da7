package bench

import (
	"os/exec"
	"syscall"
)

// bind has the kernel end a process when this one ends, however that comes.
func bind(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
