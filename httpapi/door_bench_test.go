package httpapi_test

import (
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fanfare/apps"
	"fanfare/httpapi"
	"fanfare/internal/testkit"
	"fanfare/sockets"
)

// BenchmarkDoorPublish is an event that nobody subscribes to, answered on an
// event loop: with the log at its usual level, with an access log, and on a channel
// whose history has as many events as it may.
func BenchmarkDoorPublish(b *testing.B) {
	for _, name := range []string{"log=off", "log=on", "history=on"} {
		b.Run(name, func(b *testing.B) {
			app := testkit.App(func(a *apps.App) {
				if name == "history=on" {
					a.History = []apps.HistoryRule{{Channels: "my-*", Events: 100, TTL: time.Hour}}
				}
			})
			srv := testkit.Start(b, testkit.Options{Apps: []apps.App{app}, HTTP: func(c *httpapi.Config) {
				c.AccessLog, c.Logger = name == "log=on", slog.New(slog.NewTextHandler(io.Discard, nil))
			}})
			body := `{"name":"my-event","channels":["my-channel"],"data":"` + strings.Repeat("x", 200) + `"}`
			r := &sockets.Request{
				Method: []byte("POST"), Target: []byte(strings.Fields(srv.Text(testkit.Call{Path: "/events", Body: body}))[1]),
				Body: []byte(body), Length: len(body), Remote: netip.MustParseAddrPort("127.0.0.1:1"),
			}
			door := srv.API.FrontConfig().Door
			answer := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				var ok bool
				if answer, ok = door.Answer(answer[:0], r); !ok {
					b.Fatal("not answered")
				}
			}
		})
	}
}
