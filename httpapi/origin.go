package httpapi

import "fanfare/apps"

// originAllowed reports whether an app accepts the page that a request comes
// from. header holds the values of Origin; without any, the client is not a
// browser.
func originAllowed(header []string, app *apps.App) bool {
	switch len(header) {
	case 0:
		return true
	case 1:
		return app.AllowsOrigin(header[0])
	}
	return len(app.AllowedOrigins) == 0 // browsers send at most one
}
