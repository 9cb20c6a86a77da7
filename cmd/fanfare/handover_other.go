//go:build !unix

package main

import "os"

// untilUpgrade returns nil: this system has no signal that requests a hand-over.
func untilUpgrade() <-chan os.Signal { return nil }
