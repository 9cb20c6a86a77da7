package main

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"fanfare/config"
	"fanfare/pusherproto"
)

func newWebhooksCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "webhooks", Short: "Work with webhooks", Example: "  fanfare webhooks listen"}
	cmd.AddCommand(newWebhooksListenCommand())
	return cmd
}

func newWebhooksListenCommand() *cobra.Command {
	var address, key, secret, file string
	r := &receiver{}
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Receive webhooks on this machine, check their signatures and print each event",
		Example: `  fanfare webhooks listen                       # for the webhook url http://127.0.0.1:3000/hooks
  fanfare webhooks listen --status 500 --fail 3 # refuse three requests, to see them come again`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if r.read, err = receiverSecrets(key, secret, file); err == nil {
				r.secrets, err = r.read()
			}
			if err != nil {
				return err
			}
			if r.status < 200 || r.status > 599 {
				return mistake("--status %d is no status of an answer; give one from 200 to 599", r.status)
			}
			if _, _, err := net.SplitHostPort(address); err != nil {
				return mistake("--listen %s is not host:port; write for example 127.0.0.1:3000", address)
			}
			listener, err := net.Listen("tcp", address)
			if err != nil {
				return notFree(err, "--listen "+address, "--listen")
			}
			r.out = cmd.OutOrStdout()
			if _, err := fmt.Fprintf(r.out, "waiting for webhooks on http://%s\n", listener.Addr()); err != nil {
				return errors.Join(err, listener.Close())
			}
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return serveUntil(ctx, r, listener)
		},
	}
	f := cmd.Flags()
	f.StringVar(&address, "listen", "127.0.0.1:3000", "address to receive on, at any path")
	f.StringVarP(&file, "config", "c", "", "configuration whose apps' keys are believed, "+config.FileVariable+" by environment")
	completesFiles(cmd)
	f.StringVar(&key, "key", "", "key to believe, instead of those of the configuration")
	f.StringVar(&secret, "secret", "", "its secret")
	f.IntVar(&r.status, "status", http.StatusOK, "status to answer with")
	f.IntVar(&r.fail, "fail", 0, "answer only this many requests with --status, and those after with 200; 0 means all")
	f.DurationVar(&r.delay, "delay", 0, "time to wait before each answer")
	return cmd
}

// maxHook is the maximum size of a body in bytes.
const maxHook = 64 << 20

// receiver is a webhook endpoint that prints what it receives.
type receiver struct {
	secrets      map[string]string                 // by key
	read         func() (map[string]string, error) // reads the secrets again; nil for never
	status, fail int
	delay        time.Duration

	mu       sync.Mutex
	out      io.Writer
	answered int
	looked   time.Time // when the secrets were read again
}

// hook is the body of a webhook (docs/spec/webhooks.md#request).
type hook struct {
	TimeMS int64                        `json:"time_ms"`
	Events []map[string]json.RawMessage `json:"events"`
}

// ServeHTTP handles one request of a sender.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxHook))
	if err != nil {
		r.refuse(w, http.StatusBadRequest, "the body ended early: "+err.Error())
		return
	}
	if status, problem := r.check(req, body); problem != "" {
		r.refuse(w, status, problem)
		return
	}
	var h hook
	if err := json.Unmarshal(body, &h); err != nil {
		r.refuse(w, http.StatusBadRequest, "the body is not a webhook: "+err.Error())
		return
	}
	if r.delay > 0 {
		timer := time.NewTimer(r.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
		}
	}
	w.WriteHeader(r.show(h))
}

// check returns what is wrong with a request, "" if nothing is.
func (r *receiver) check(req *http.Request, body []byte) (status int, problem string) {
	if req.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, "a webhook is a POST, not a " + req.Method
	}
	if got := req.Header.Get("Content-Type"); got != "application/json" {
		return http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type is %q, want application/json and nothing more", got)
	}
	status, problem = r.verify(req, body)
	if problem != "" && r.look() { // the app may be new
		status, problem = r.verify(req, body)
	}
	return status, problem
}

// verify returns what is wrong with the signature, "" if nothing is.
func (r *receiver) verify(req *http.Request, body []byte) (status int, problem string) {
	key := req.Header.Get("X-Pusher-Key")
	r.mu.Lock()
	secret, ok := r.secrets[key]
	r.mu.Unlock()
	if !ok {
		return http.StatusUnauthorized, fmt.Sprintf("the key %q is not one that is believed here", key)
	}
	if !hmac.Equal([]byte(pusherproto.SignWebhook(secret, body)), []byte(req.Header.Get("X-Pusher-Signature"))) {
		return http.StatusUnauthorized, "the signature is wrong: another secret, or the body was changed on the way"
	}
	return 0, ""
}

func (r *receiver) refuse(w http.ResponseWriter, status int, problem string) {
	r.mu.Lock()
	_, _ = fmt.Fprintf(r.out, "refused with %d: %s\n", status, problem)
	r.mu.Unlock()
	http.Error(w, problem, status)
}

// show prints the events and returns the status to answer with.
func (r *receiver) show(h hook) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	status := r.status
	r.answered++
	if r.fail > 0 && r.answered > r.fail {
		status = http.StatusOK
	}
	at := time.UnixMilli(h.TimeMS).Format("15:04:05.000")
	for _, e := range h.Events {
		line := at + " " + text(e["name"])
		for _, field := range []string{"channel", "user_id", "subscription_count", "event", "data", "socket_id"} {
			if v, ok := e[field]; ok {
				line += " " + field + "=" + string(v)
			}
		}
		if status < 200 || status > 299 {
			line += fmt.Sprintf(" (answered %d)", status)
		}
		_, _ = fmt.Fprintln(r.out, line)
	}
	return status
}

// text returns a JSON string without its quotes.
func text(raw json.RawMessage) string { return strings.Trim(string(raw), `"`) }
