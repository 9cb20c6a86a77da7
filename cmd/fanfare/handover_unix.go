//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// untilUpgrade receives SIGUSR2, which requests a hand-over. From now on the
// signal does not end the process.
func untilUpgrade() <-chan os.Signal {
	upgrades := make(chan os.Signal, 1)
	signal.Notify(upgrades, syscall.SIGUSR2)
	return upgrades
}
