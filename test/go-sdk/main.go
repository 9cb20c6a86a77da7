// A driver of pusher-http-go: commands come in and answers go out as lines of
// JSON; test/support/driver.mjs is at the other end. It is a module of its own,
// so that the SDK is none of the server's dependencies.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	pusher "github.com/pusher/pusher-http-go/v5"
)

// command is what all commands have between them.
type command struct {
	ID int
	Do string

	URL, Env, Host, AppID, Key, Secret, MasterKey string // of make
	TLS                                           bool

	Channel      string
	Channels     []string
	Event        string
	Data         json.RawMessage
	SocketID     *string `json:"socketId"`
	Info, Prefix *string
	Batch        []pusher.Event
	User         string
	UserData     map[string]any
	Member       *pusher.MemberData
	Form         string // what a client posts to a back end
	Header       http.Header
	Body         string
	MaxDataKB    int `json:"maxDataKB"`
}

func main() {
	log.SetFlags(0)
	var client *pusher.Client
	out := json.NewEncoder(os.Stdout)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var c command
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			log.Fatalf("%v in %s", err, in.Bytes())
		}
		answer := map[string]any{"answer": c.ID}
		value, err := any(nil), error(nil)
		if c.Do == "make" {
			client, err = newClient(c)
		} else {
			value, err = run(client, c)
		}
		if err != nil {
			answer["error"] = err.Error()
		}
		answer["value"] = value
		if err := out.Encode(answer); err != nil {
			log.Fatal(err)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
}

func newClient(c command) (*pusher.Client, error) {
	switch {
	case c.Env != "":
		return pusher.ClientFromEnv(c.Env)
	case c.URL != "":
		return pusher.ClientFromURL(c.URL)
	}
	return &pusher.Client{
		Host: c.Host, AppID: c.AppID, Key: c.Key, Secret: c.Secret, Secure: c.TLS,
		EncryptionMasterKeyBase64: c.MasterKey, OverrideMaxMessagePayloadKB: c.MaxDataKB,
	}, nil
}

func run(client *pusher.Client, c command) (any, error) {
	switch c.Do {
	case "Trigger":
		return nil, client.Trigger(c.Channel, c.Event, c.Data)
	case "TriggerWithParams":
		return client.TriggerWithParams(c.Channel, c.Event, c.Data, pusher.TriggerParams{SocketID: c.SocketID, Info: c.Info})
	case "TriggerExclusive":
		return nil, client.TriggerExclusive(c.Channel, c.Event, c.Data, *c.SocketID)
	case "TriggerMulti":
		return nil, client.TriggerMulti(c.Channels, c.Event, c.Data)
	case "TriggerMultiWithParams":
		return client.TriggerMultiWithParams(c.Channels, c.Event, c.Data, pusher.TriggerParams{SocketID: c.SocketID, Info: c.Info})
	case "TriggerMultiExclusive":
		return nil, client.TriggerMultiExclusive(c.Channels, c.Event, c.Data, *c.SocketID)
	case "TriggerBatch":
		return client.TriggerBatch(c.Batch)
	case "SendToUser":
		return nil, client.SendToUser(c.User, c.Event, c.Data)
	case "Channels":
		return client.Channels(pusher.ChannelsParams{FilterByPrefix: c.Prefix, Info: c.Info})
	case "Channel":
		return client.Channel(c.Channel, pusher.ChannelParams{Info: c.Info})
	case "GetChannelUsers":
		return client.GetChannelUsers(c.Channel)
	case "AuthorizePrivateChannel":
		return raw(client.AuthorizePrivateChannel([]byte(c.Form)))
	case "AuthorizePresenceChannel":
		return raw(client.AuthorizePresenceChannel([]byte(c.Form), *c.Member))
	case "AuthenticatePrivateChannel":
		return raw(client.AuthenticatePrivateChannel([]byte(c.Form)))
	case "AuthenticatePresenceChannel":
		return raw(client.AuthenticatePresenceChannel([]byte(c.Form), *c.Member))
	case "AuthenticateUser":
		return raw(client.AuthenticateUser([]byte(c.Form), c.UserData))
	case "Webhook":
		return client.Webhook(c.Header, []byte(c.Body))
	}
	return nil, fmt.Errorf("no such command: %q", c.Do)
}

func raw(answer []byte, err error) (json.RawMessage, error) { return answer, err }
