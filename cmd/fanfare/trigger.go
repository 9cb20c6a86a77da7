package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fanfare/config"
	"fanfare/pusherproto"
)

func newTriggerCommand() *cobra.Command {
	var c caller
	var t triggerRequest
	var key string
	cmd := &cobra.Command{
		Use:   "trigger",
		Short: "Send one event through the HTTP API",
		Example: `  fanfare trigger --channel my-channel --event my-event --data '{"message":"hello"}'
  fanfare trigger -c news -c sport --event my-event --config config.yaml --app 1234567
  fanfare trigger -c news --event my-event --url https://ws.example.com --app-id 1 --app-key k --app-secret "$SECRET"
  fanfare trigger -c private-encrypted-a --event my-event --data hello --encryption-key "$ENCRYPTION_KEY"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := c.open(cmd)
			if err != nil {
				return err
			}
			if err := t.encrypt(key); err != nil {
				return err
			}
			if err := t.send(cmd.Context(), a); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "sent %s to %s\n", t.event, strings.Join(t.channels, ", "))
			return err
		},
	}
	c.addTo(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&t.channels, "channel", "c", nil, "channel to send to; repeat it for several")
	f.StringVar(&t.event, "event", "", "name of the event")
	f.StringVar(&t.data, "data", "{}", "data of the event, usually JSON")
	addEncryptionFlag(cmd, &key)
	completes(cmd, "channel", c.completeChannels)
	for _, name := range []string{"channel", "event"} {
		if err := cmd.MarkFlagRequired(name); err != nil { // the flag does not exist: a bug in this file
			panic(err)
		}
	}
	return cmd
}

// triggerRequest is one POST /apps/ID/events.
type triggerRequest struct {
	event, data string
	channels    []string
}

// encrypt encrypts the data if a key is given. Each channel has its own secret, so
// it allows only one channel.
func (t *triggerRequest) encrypt(key string) error {
	master, err := parseEncryptionKey(key)
	if err != nil || master == nil {
		return err
	}
	if len(t.channels) > 1 || !pusherproto.KindOf(t.channels[0]).Encrypted() {
		return mistake("--encryption-key is for one channel, whose name begins with private-encrypted-")
	}
	t.data = master.seal(t.channels[0], t.data)
	return nil
}

func (t triggerRequest) call() (call, error) {
	body, err := json.Marshal(struct {
		Name     string   `json:"name"`
		Channels []string `json:"channels"`
		Data     string   `json:"data"`
	}{t.event, t.channels, t.data})
	return call{method: http.MethodPost, path: "/events", body: body}, err
}

// signed returns the URL and body of the request of an app to the server at base.
func (t triggerRequest) signed(base string, app config.App, now time.Time) (url string, body []byte, err error) {
	c, err := t.call()
	if err != nil {
		return "", nil, err
	}
	return c.signed(base, app, now), c.body, nil
}

func (t triggerRequest) send(ctx context.Context, a api) error {
	c, err := t.call()
	if err != nil {
		return err
	}
	if err := a.do(ctx, c, nil); err != nil {
		return fmt.Errorf("send the event to %s: %w", a.peer.base, err)
	}
	return nil
}
