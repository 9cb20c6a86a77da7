// Package testkit starts a whole server in a test and talks to it by its wire
// protocols, so that tests read like transcripts:
//
//	srv := testkit.Start(t, testkit.Options{})
//	c := testkit.Dial(t, srv)
//	c.Send(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
//	c.Expect(`{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`)
//	srv.Post(t, "/events", `{"name":"e","channel":"news","data":"1"}`).Expect(200, `{}`)
//	c.Expect(`{"event":"e","channel":"news","data":"1"}`)
//	c.Quiet()
//
// In every expected text "…" stands for anything. Nothing waits longer than
// Patience, and nothing sleeps. A failed expectation ends the test and shows
// what was received and what was wanted.
package testkit
