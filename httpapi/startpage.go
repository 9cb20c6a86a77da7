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

// StartPage is an app that the page at / shows to developers: code that
// connects client libraries to the server, and a check that it works. Anyone
// who can open the page can read it.
type StartPage struct {
	ID  string
	Key string
	// Secret is set only if it is public. The page then shows it and can send
	// an event.
	Secret string
}

//go:embed startpage.html
var startHTML string

//go:embed startpage.js
var startScript string

// startPolicy is the additional content security policy for the page's script,
// which connects to this server. Not all browsers apply 'self' to WebSockets.
func startPolicy() string {
	sum := sha256.Sum256([]byte(startScript))
	return "; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; connect-src 'self' ws: wss:"
}

// startPage returns the part of the page about an app. The script adds scheme,
// host and port, which only the browser knows.
func (s *Server) startPage(page *StartPage) string {
	type event struct {
		Path string `json:"path"` // signed, valid for ten minutes
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
	text, err := json.Marshal(data) // escapes <, so that the data cannot end the element
	if err != nil {                 // strings can always be encoded
		panic(err)
	}
	return strings.NewReplacer("{{app}}", string(text), "{{script}}", startScript).Replace(startHTML)
}
