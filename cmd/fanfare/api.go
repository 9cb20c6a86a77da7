package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"fanfare/config"
	"fanfare/pusherproto"
)

// api calls the HTTP API of a server with the key of one of its apps.
type api struct {
	peer peer
	app  config.App
}

// apiTimeout bounds a call.
const apiTimeout = 10 * time.Second

// maxAnswer is how many bytes of an answer are read. A list of channels is long.
const maxAnswer = 64 << 20

// call is a request of the API.
type call struct {
	method string
	path   string // below /apps/ID, not escaped
	query  map[string]string
	body   []byte
}

// signed returns the URL of the request. The server accepts it for ten minutes
// from now (docs/spec/http-signature.md#authentication). The path is signed as
// SDKs do, without escapes.
func (c call) signed(base string, app config.App, now time.Time) string {
	path := "/apps/" + app.ID + c.path
	query := pusherproto.SignRequest(app.Key, app.Secret, c.method, path, c.query, c.body, now)
	return base + (&url.URL{Path: path}).EscapedPath() + "?" + query
}

// do sends a call and reads the answer, a JSON object, into answer unless that
// is nil. Its errors do not name the call.
func (a api) do(ctx context.Context, c call, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.method, c.signed(a.peer.base, a.app, time.Now()), bytes.NewReader(c.body))
	if err != nil {
		return withoutURL(err)
	}
	if len(c.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := a.peer.do(req)
	if err != nil {
		return err
	}
	return readAnswer(res, answer)
}

// get sends a GET request; path is below /apps/ID.
func (a api) get(ctx context.Context, path string, query map[string]string, answer any) error {
	return a.do(ctx, call{method: http.MethodGet, path: path, query: query}, answer)
}

// readAnswer decodes the JSON object of an answer with status 200 into answer,
// unless that is nil. Any other answer is an error; a web page with status 200
// comes from another server. It closes the body.
func readAnswer(res *http.Response, answer any) error {
	defer func() { _ = res.Body.Close() }()
	most := int64(maxAnswer)
	if answer == nil {
		most = 64 << 10
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	var object map[string]json.RawMessage
	isObject := json.Unmarshal(body, &object) == nil && object != nil
	switch {
	case res.StatusCode == http.StatusOK && isObject:
		if err := errorWithin(object); err != nil {
			return err
		}
		if answer == nil {
			return nil
		}
		if err := json.Unmarshal(body, answer); err != nil {
			return fmt.Errorf("the answer is not from the HTTP API: %s", shown(err.Error()))
		}
		return nil
	case res.StatusCode == http.StatusOK:
		return fmt.Errorf("the answer, %s, is not from the HTTP API: another server is at this address", shown(contentType(res)))
	case res.StatusCode >= 300 && res.StatusCode < 400:
		if to, err := res.Location(); err == nil {
			return fmt.Errorf("the answer is a redirect (%s) to %s; give that address with --url", shown(res.Status), shown(to.Scheme+"://"+to.Host))
		}
	case strings.HasPrefix(contentType(res), "text/html"):
		return errors.New("the answer is " + shown(res.Status) + ", with a web page")
	case res.StatusCode >= 400 && res.StatusCode < 500:
		return coded{refusal{res.StatusCode, answerText(res, body)}, exitRefused}
	}
	return errors.New(answerText(res, body))
}

// errorWithin returns the error in an answer with status 200, nil if there is none:
// soketi gives the status of an error only in the body.
func errorWithin(object map[string]json.RawMessage) error {
	var status int
	if object["error"] == nil || json.Unmarshal(object["code"], &status) != nil || status < 400 {
		return nil
	}
	text := shown(fmt.Sprintf("the answer is %d %s", status, dataText(object["error"])))
	if status < 500 {
		return coded{refusal{status, text}, exitRefused}
	}
	return errors.New(text)
}

// refusal is an answer of the API with a status from 400 to 499.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func answerText(res *http.Response, body []byte) string {
	return "the answer is " + strings.TrimSpace(shown(res.Status)+" "+shown(string(body)))
}

func contentType(res *http.Response) string {
	return cmp.Or(res.Header.Get("Content-Type"), "without a Content-Type")
}

var signature = regexp.MustCompile(`((?:auth_)?signature["']?\s*[=:]\s*["']?)[0-9A-Fa-f]{16,}`)

// shown returns the beginning of a server's text as one line of printable
// characters, with signatures removed.
func shown(answer string) string {
	const most = 500
	text := strings.Join(strings.Fields(strings.ToValidUTF8(answer, "")), " ")
	text = signature.ReplaceAllString(text, "$1...")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}
