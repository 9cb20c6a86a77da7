// Package recovery embeds the browser module of @fanfare/pusher-js-recovery,
// with which pusher-js receives the events that it missed while it was
// disconnected. It has no other Go code. examples/demo serves the module from
// here.
package recovery

import "embed"

// Files contains the module, recovery.js.
//
//go:embed recovery.js
var Files embed.FS
