// Package room holds the files that the chats of this repository share in the
// browser: modules and style sheets. It has no code of its own. examples/demo
// serves them from here; the examples of Next.js import them as @fanfare/room.
package room

import "embed"

// Files are the modules and the style sheets.
//
//go:embed *.js *.css
var Files embed.FS
