// Package recovery holds the package @fanfare/pusher-js-recovery for browsers,
// which has a pusher-js get what it missed while it was away. It has no code of
// its own. examples/demo serves the module from here.
package recovery

import "embed"

// Files is the module.
//
//go:embed recovery.js
var Files embed.FS
