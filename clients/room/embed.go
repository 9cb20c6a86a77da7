// Package room embeds the browser modules and style sheets that the chat
// examples share. It has no other Go code. examples/demo serves the files from
// here; the Next.js examples import them as @fanfare/room.
package room

import "embed"

// Files are the modules and the style sheets.
//
//go:embed *.js *.css
var Files embed.FS
