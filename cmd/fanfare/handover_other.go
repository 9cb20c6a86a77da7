//go:build !unix

package main

import "os"

// untilUpgrade receives nothing: there is no signal for it.
func untilUpgrade() <-chan os.Signal { return nil }
