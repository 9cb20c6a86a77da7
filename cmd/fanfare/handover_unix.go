//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// untilUpgrade receives SIGUSR2, which asks for a hand-over and from here on does
// not end the process any more.
func untilUpgrade() <-chan os.Signal {
	upgrades := make(chan os.Signal, 1)
	signal.Notify(upgrades, syscall.SIGUSR2)
	return upgrades
}
