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
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"fanfare/config"
	"fanfare/pusherproto"
)

func newTriggerCommand() *cobra.Command {
	var t struct {
		url, app, event, data string
		channels              []string
	}
	cmd := &cobra.Command{
		Use:     "trigger",
		Short:   "Send one event through the HTTP API",
		Example: `  fanfare trigger --channel my-channel --event my-event --data '{"message":"hello"}'`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			app, err := chooseApp(cfg, t.app)
			if err != nil {
				return err
			}
			at := reach(cfg, cfg.Listen)
			if cert, err := certificate(cfg); err == nil { // the key may not be ours to read
				at = at.named(cert)
			}
			p, err := at.given(t.url)
			if err != nil {
				return err
			}
			req := triggerRequest{app: app, base: p.base, event: t.event, data: t.data, channels: t.channels}
			if err := req.send(cmd.Context(), p, time.Now()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "sent %s to %s\n", t.event, strings.Join(t.channels, ", "))
			return err
		},
	}
	addConfigFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&t.url, "url", "", "address of the server, such as http://localhost:6001 (that of the configuration)")
	f.StringVar(&t.app, "app", "", "id of the app (the first of the configuration)")
	f.StringArrayVar(&t.channels, "channel", nil, "channel to send to; repeat it for several")
	f.StringVar(&t.event, "event", "", "name of the event")
	f.StringVar(&t.data, "data", "{}", "data of the event, usually JSON")
	for _, name := range []string{"channel", "event"} {
		if err := cmd.MarkFlagRequired(name); err != nil { // no such flag: a mistake in this file
			panic(err)
		}
	}
	return cmd
}

// chooseApp finds an app by id; "" is the first.
func chooseApp(cfg *config.Config, id string) (config.App, error) {
	ids := make([]string, 0, len(cfg.Apps))
	for _, a := range cfg.Apps {
		if id == "" || a.ID == id {
			return a, nil
		}
		ids = append(ids, a.ID)
	}
	return config.App{}, fmt.Errorf("no app has the id %q; the configuration has %s", id, strings.Join(ids, ", "))
}

// triggerRequest is one POST /apps/ID/events.
type triggerRequest struct {
	app         config.App
	base        string
	event, data string
	channels    []string
}

// signed returns the URL and body of the request. The server accepts them for
// ten minutes from now (spec: http-api section 1).
func (t triggerRequest) signed(now time.Time) (url string, body []byte, err error) {
	body, err = json.Marshal(struct {
		Name     string   `json:"name"`
		Channels []string `json:"channels"`
		Data     string   `json:"data"`
	}{t.event, t.channels, t.data})
	if err != nil {
		return "", nil, err
	}
	path := "/apps/" + t.app.ID + "/events"
	return t.base + path + "?" + pusherproto.SignRequest(t.app.Key, t.app.Secret, http.MethodPost, path, nil, body, now), body, nil
}

func (t triggerRequest) send(ctx context.Context, p peer, now time.Time) error {
	url, body, err := t.signed(now)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send the event to %s: %w", p.base, withoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.do(req, nil)
	if err == nil {
		err = checkAnswer(res)
	}
	if err != nil {
		return fmt.Errorf("send the event to %s: %w", p.base, err)
	}
	return nil
}

// checkAnswer is nil for a success as the API tells it, with a JSON object. A
// web page with status 200 is the answer of some other server. It closes the
// body.
func checkAnswer(res *http.Response) error {
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	var object map[string]json.RawMessage
	isObject := json.Unmarshal(answer, &object) == nil && object != nil
	switch {
	case res.StatusCode == http.StatusOK && isObject:
		return nil
	case res.StatusCode == http.StatusOK:
		return fmt.Errorf("the answer, %s, is none of the API's: another server is at this address", shown(contentType(res)))
	case res.StatusCode >= 300 && res.StatusCode < 400:
		if to, err := res.Location(); err == nil {
			return fmt.Errorf("the answer is a redirect (%s) to %s; give that address with --url", shown(res.Status), shown(to.Scheme+"://"+to.Host))
		}
	case strings.HasPrefix(contentType(res), "text/html"):
		return errors.New("the answer is " + shown(res.Status) + ", with a web page")
	}
	return errors.New("the answer is " + strings.TrimSpace(shown(res.Status)+" "+shown(string(answer))))
}

func contentType(res *http.Response) string {
	return cmp.Or(res.Header.Get("Content-Type"), "without a Content-Type")
}

var signature = regexp.MustCompile(`((?:auth_)?signature["']?\s*[=:]\s*["']?)[0-9A-Fa-f]{16,}`)

// shown is the beginning of what a server said, as one line, without a
// signature that it may repeat.
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
