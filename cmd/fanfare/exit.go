package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// Exit codes of every command (docs/cli.md). A command that ends in order after a
// signal succeeds.
const (
	exitFailed  = 1 // the command failed
	exitMisused = 2 // the command line is wrong, and nothing was done
	exitRefused = 3 // the server rejected the request
	exitTooFew  = 4 // subscribe ended before --count events arrived
)

// coded is an error with the exit code of the process.
type coded struct {
	error
	code int
}

// Unwrap returns the error without its code.
func (c coded) Unwrap() error { return c.error }

// mistake returns the error for a wrong command line.
func mistake(format string, args ...any) error {
	return coded{fmt.Errorf(format, args...), exitMisused}
}

// refused returns the error for a request that the server rejected.
func refused(format string, args ...any) error {
	return coded{fmt.Errorf(format, args...), exitRefused}
}

// exitCode returns the exit code for an error. An error without one occurred
// before a command began; cobra's own errors all concern the command line.
func exitCode(err error) int {
	var c coded
	switch {
	case err == nil:
		return 0
	case errors.As(err, &c):
		return c.code
	}
	return exitMisused
}

// codeErrors gives an exit code to the errors that a command and its subcommands
// return from RunE.
func codeErrors(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			err := run(cmd, args)
			if c := (coded{}); err == nil || errors.As(err, &c) {
				return err
			}
			return coded{err, exitFailed}
		}
	}
	for _, c := range cmd.Commands() {
		codeErrors(c)
	}
}
