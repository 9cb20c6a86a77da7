package httpapi

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"fanfare/sockets"
)

// poll has an event loop answer a request for output of a session that exists, and
// reports whether it does. net/http opens sessions and answers with errors.
func (d door) poll(r *sockets.Request, begun time.Time) bool {
	path, _, _ := bytes.Cut(r.Target, []byte("?"))
	if !bytes.HasSuffix(path, []byte(pollAction)) || string(r.Method) != http.MethodPost || r.Length > 0 || r.Last {
		return false
	}
	received := string(path)
	below, ok := strings.CutPrefix(d.routePath(received), "/app/")
	appKey, below, _ := strings.Cut(below, "/")
	server, below, _ := strings.Cut(below, "/")
	session, action, _ := strings.Cut(below, "/")
	if !ok || "/"+action != pollAction || !sessionName(server) || !sessionName(session) {
		return false
	}
	app, ok := d.cfg.Apps.ByKey(appKey)
	if !ok || !originAllowed(r.Values("Origin"), app) {
		return false
	}
	from := d.clientOf(r)
	if d.receiveGuesses.misses.spent(network(from), d.live.Load().Fallback.OpensPerAddress, begun) {
		return false
	}
	key := sockets.SessionKey{AppID: app.ID, Random: session}
	return r.Carry(key, d.cfg.Fallback.WriteTimeout, func() sockets.CarriedResponse {
		origin, _ := r.Header("Origin")
		if len(origin) == 0 {
			origin = []byte("*")
		}
		id := string(givenID(r))
		if !plainID(id) {
			id = d.ids.next()
		}
		return d.carried(&carried{
			app: app, route: sessionPath + pollAction, path: received, id: id, origin: string(origin), from: from, begun: begun,
		})
	})
}
