package httpapi_test

import (
	"fanfare/apps"
	"fanfare/internal/testkit"
)

// uncounted is a server whose app sends no subscription_count, so that a
// transcript holds nothing but what was published.
func uncounted() testkit.Options {
	return testkit.Options{Apps: []apps.App{testkit.App(func(a *apps.App) { a.SubscriptionCount = false })}}
}
