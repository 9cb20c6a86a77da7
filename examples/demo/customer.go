package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fanfare/pusherproto"
)

// customer is what the chat needs of a server.
type customer interface {
	// trigger sends an event to a channel. The socket, if there is one, is left out.
	trigger(ctx context.Context, channel, event string, data any, socket string) error
	// users are the ids of the members of a presence channel.
	users(ctx context.Context, channel string) ([]string, error)
}

// api is a customer over the HTTP API (docs/spec/http-api.md#publishing).
type api struct {
	Config
	client http.Client
	now    func() time.Time
}

func (a *api) trigger(ctx context.Context, channel, event string, data any, socket string) error {
	// An event has at most 10 KB. Escaped for HTML, as Marshal does, each < would
	// count six.
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(data); err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Name     string `json:"name"`
		Channel  string `json:"channel"`
		Data     string `json:"data"`
		SocketID string `json:"socket_id,omitempty"`
	}{event, channel, strings.TrimSuffix(text.String(), "\n"), socket})
	if err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, "/events", body, &struct{}{})
}

func (a *api) users(ctx context.Context, channel string) ([]string, error) {
	var out struct{ Users []struct{ ID string } }
	if err := a.call(ctx, http.MethodGet, "/channels/"+channel+"/users", nil, &out); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(out.Users))
	for _, u := range out.Users {
		ids = append(ids, u.ID)
	}
	return ids, nil
}

// call makes a signed request.
func (a *api) call(ctx context.Context, method, path string, body []byte, out any) error {
	path = "/apps/" + a.AppID + path
	query := pusherproto.SignRequest(a.Key, a.Secret, method, path, nil, body, a.now())
	req, err := http.NewRequestWithContext(ctx, method, a.API+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.URL.RawQuery = query // not in an error about the rest
	req.Header.Set("Content-Type", "application/json")
	res, err := a.client.Do(req)
	if err != nil {
		var withURL *url.Error // and that with the signature
		if errors.As(err, &withURL) {
			err = withURL.Err
		}
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s %s", method, path, res.Status, text)
	}
	return json.Unmarshal(text, out)
}
