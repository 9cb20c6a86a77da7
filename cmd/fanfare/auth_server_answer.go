package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"fanfare/pusherproto"
)

// checkOrigins returns an error for a value of --allow-origin that is not an origin.
func (a *authorizer) checkOrigins() error {
	for _, o := range a.origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || o != u.Scheme+"://"+u.Host {
			return mistake("--allow-origin %s is not an origin; write for example https://chat.test", o)
		}
	}
	return nil
}

// allows reports whether to answer a page with this origin. A request without one
// does not come from a page: browsers send an origin with every POST.
func (a *authorizer) allows(origin string) bool {
	if origin == "" || slices.Contains(a.origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return false
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// ServeHTTP answers one request of a client.
func (a *authorizer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Vary", "Origin")
	w.Header().Set("Cache-Control", "no-store")
	if !a.allows(origin) {
		a.refuse(w, http.StatusForbidden, "the page is from "+origin+" and not from this machine; start auth-server with --allow-origin "+origin+" to answer it")
		return
	}
	if origin != "" {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	switch r.Method {
	case http.MethodOptions: // a browser's preflight request
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		h.Set("Access-Control-Allow-Private-Network", "true")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", "POST, OPTIONS")
		a.refuse(w, http.StatusMethodNotAllowed, "the method has to be POST")
		return
	}
	params, err := readParams(w, r)
	if err != nil {
		a.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	answer := a.authorize
	if strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "user-auth") {
		answer = a.signIn
	}
	signed, err := answer(params)
	if err != nil {
		a.refuse(w, http.StatusForbidden, err.Error())
		return
	}
	_ = writeJSON(w, signed)
}

func (a *authorizer) refuse(w http.ResponseWriter, status int, problem string) {
	a.tell("refused with %d: %s", status, problem)
	w.WriteHeader(status)
	_ = writeJSON(w, map[string]string{"error": problem})
}

// longestAsk is the longest body that is read, in bytes.
const longestAsk = 64 << 10

// readParams reads the parameters of a request, from the body (a form or a JSON
// object) and from the query. Those of the body take precedence.
func readParams(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, longestAsk)
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if err := r.ParseForm(); err != nil {
			return nil, fmt.Errorf("the body is not a form: %w", err)
		}
		return r.Form, nil // values of the body come before those of the query
	}
	var object map[string]json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&object); err != nil {
		return nil, fmt.Errorf("the body is not a JSON object: %w", err)
	}
	params := r.URL.Query()
	for name, raw := range object {
		params.Set(name, dataText(raw))
	}
	return params, nil
}

// signedAnswer is the answer to a client (docs/spec/subscriptions.md#signatures and
// docs/spec/users.md#sign-in).
type signedAnswer struct {
	Auth         string `json:"auth"`
	ChannelData  string `json:"channel_data,omitempty"`
	SharedSecret []byte `json:"shared_secret,omitempty"` // in base64
	UserData     string `json:"user_data,omitempty"`
}

func (a *authorizer) authorize(params url.Values) (signedAnswer, error) {
	socket, err := socketOf(params)
	if err != nil {
		return signedAnswer{}, err
	}
	channel := params.Get("channel_name")
	kind, err := pusherproto.ParseChannel(channel, longestName)
	switch {
	case err != nil:
		return signedAnswer{}, fmt.Errorf("channel_name: %w", err)
	case !kind.Signed():
		return signedAnswer{}, fmt.Errorf("%s is not a private channel and needs no signature", channel)
	}
	var answer signedAnswer
	if kind.Encrypted() {
		if a.master == nil {
			return signedAnswer{}, errors.New(channel + " is an encrypted channel: start auth-server with --encryption-key")
		}
		secret := a.master.secret(channel)
		answer.SharedSecret = secret[:]
	}
	who := ""
	if kind.Presence() {
		id, info, err := userOf(params)
		if err != nil {
			return signedAnswer{}, err
		}
		if answer.ChannelData, err = memberData(id, info); err != nil {
			return signedAnswer{}, err
		}
		who = " as user " + id
	}
	answer.Auth = a.app.Key + ":" + pusherproto.SignChannel(a.app.Secret, socket, channel, answer.ChannelData, kind.Presence())
	a.tell("%s for socket %s%s", channel, socket, who)
	return answer, nil
}

func (a *authorizer) signIn(params url.Values) (signedAnswer, error) {
	socket, err := socketOf(params)
	if err != nil {
		return signedAnswer{}, err
	}
	id, info, err := userOf(params)
	if err != nil {
		return signedAnswer{}, err
	}
	if !pusherproto.ValidUserID(id) {
		return signedAnswer{}, fmt.Errorf("user_id %q is not valid for a sign-in: it needs 1 to 128 characters out of A-Z a-z 0-9 _ - = @ , . ;", id)
	}
	data, err := json.Marshal(map[string]any{"id": id, "user_info": json.RawMessage(info)})
	if err != nil {
		return signedAnswer{}, err
	}
	a.tell("sign-in for socket %s as user %s", socket, id)
	return signedAnswer{Auth: a.app.Key + ":" + pusherproto.SignUser(a.app.Secret, socket, string(data)), UserData: string(data)}, nil
}

func socketOf(params url.Values) (pusherproto.SocketID, error) {
	text := params.Get("socket_id")
	id, ok := pusherproto.ParseSocketID(text)
	if !ok || id.IsZero() {
		return id, fmt.Errorf("socket_id %q is not a socket id; send that of the connection, in a form or in JSON", text)
	}
	return id, nil
}

// userOf returns the user's id and the JSON of user_info, from the parameters or
// with the socket id as default.
func userOf(params url.Values) (id, info string, err error) {
	if id = params.Get("user_id"); id == "" {
		id = params.Get("socket_id")
	}
	if info = params.Get("user_info"); info == "" {
		return id, `{"name":` + quoted(id) + `}`, nil
	}
	if !json.Valid([]byte(info)) {
		return "", "", errors.New("user_info is not valid JSON")
	}
	return id, info, nil
}
