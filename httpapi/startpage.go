package httpapi

import (
	"crypto/sha256"
	_ "embed" // the page and its script
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"fanfare/pusherproto"
)

// StartPage is an app that the page at / shows to developers: code to copy that
// connects libraries to the server, and a check that it works. Everybody who can
// open the page can read it.
type StartPage struct {
	ID  string
	Key string
	// Secret is given only if everyone knows it. Then the snippets have it, and the
	// page can send an event.
	Secret string
}

//go:embed startpage.html
var startHTML string

//go:embed startpage.js
var startScript string

// startPolicy is what the page may do besides: run its script, which connects to
// this server. Not all browsers take 'self' for WebSockets too.
func startPolicy() string {
	sum := sha256.Sum256([]byte(startScript))
	return "; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; connect-src 'self' ws: wss:"
}

// startPage is the part of the page that is about an app. The host, the port and
// the scheme are added by the script: only the browser knows by which it came.
func (s *Server) startPage(page *StartPage) string {
	type event struct {
		Path string `json:"path"` // signed, good for ten minutes
		Body string `json:"body"`
	}
	data := struct {
		ID       string `json:"id"`
		Key      string `json:"key"`
		Secret   string `json:"secret,omitempty"`
		Prefix   string `json:"prefix"`
		Fallback string `json:"fallback,omitempty"` // path of the HTTP fallback
		Test     *event `json:"test,omitempty"`
	}{ID: page.ID, Key: page.Key, Secret: page.Secret, Prefix: s.cfg.PathPrefix}
	if f := s.live.Load().Fallback; !f.Disabled {
		data.Fallback = f.Path
	}
	if page.Secret != "" {
		const body = `{"name":"my-event","channels":["my-channel"],"data":"{\"message\":\"hello from the start page\"}"}`
		path := "/apps/" + page.ID + "/events"
		query := pusherproto.SignRequest(page.Key, page.Secret, http.MethodPost, path, nil, []byte(body), s.cfg.Now())
		data.Test = &event{s.cfg.PathPrefix + path + "?" + query, body}
	}
	text, err := json.Marshal(data) // which escapes <, so that nothing ends the element
	if err != nil {                 // texts always have a JSON form
		panic(err)
	}
	return strings.NewReplacer("{{app}}", string(text), "{{script}}", startScript).Replace(startHTML)
}
