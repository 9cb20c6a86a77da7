package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fanfare/pusherproto"
)

func newSubscribeCommand() *cobra.Command {
	var c caller
	var o subscribeOptions
	cmd := &cobra.Command{
		Use:   "subscribe [-c] CHANNEL...",
		Short: "Subscribe to channels of a Pusher-compatible server and print what arrives",
		Long: `Subscribe to channels and print each event with its time of arrival. The secret of the
app signs subscriptions to private, presence and encrypted channels; #server-to-user-ID
signs in as that user and prints the events sent to them. On a presence channel the
command is a member like any other: the other members see it join and leave.

Events of the protocol itself are printed under the names that pusher-js gives them,
such as pusher:subscription_succeeded. Messages about the connection go to standard
error. A connection that ends is opened again, unless the server's close code forbids
it (4000 to 4099, and 4300 and above).`,
		Example: `  fanfare subscribe -c my-channel
  fanfare subscribe news presence-room --user-id ann --format json | jq .data
  fanfare subscribe -c news --event ready --count 1 --timeout 30s    # exit code 0 once it came, 4 if it did not
  fanfare subscribe -c private-encrypted-a --encryption-key "$ENCRYPTION_KEY"
  fanfare subscribe -c '#server-to-user-7'
  fanfare subscribe -c news --url https://ws-eu.pusher.com --app-id 1 --app-key k --app-secret "$SECRET"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.channels = append(o.channels, args...)
			s, err := o.subscriber()
			if err != nil {
				return err
			}
			a, err := c.open(cmd)
			if err != nil {
				return err
			}
			s.api = a
			s.printer.out, s.note = cmd.OutOrStdout(), func(text string) { cmd.PrintErrln("fanfare: " + text) }
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			if o.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, o.timeout)
				defer cancel()
			}
			return s.run(ctx)
		},
	}
	c.addTo(cmd)
	o.addTo(cmd)
	completes(cmd, "channel", c.completeChannels)
	cmd.ValidArgsFunction = c.completeChannels
	return cmd
}

// subscribeOptions are the command's own flags.
type subscribeOptions struct {
	channels, events         []string
	userID, userInfo, master string
	count                    int
	timeout                  time.Duration
	once                     bool
	format                   format
}

func (o *subscribeOptions) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.channels, "channel", "c", nil, "channel to subscribe to; repeat it for several")
	f.StringArrayVar(&o.events, "event", nil, "print only events of this name; repeat it for several")
	f.StringVar(&o.userID, "user-id", "fanfare-subscribe", "user_id on presence channels")
	f.StringVar(&o.userInfo, "user-info", "", "user_info on presence channels, JSON")
	addEncryptionFlag(cmd, &o.master)
	f.IntVar(&o.count, "count", 0, "end after this many events; without --event those of the protocol itself do not count; 0 means no limit")
	f.DurationVar(&o.timeout, "timeout", 0, "end after this time; 0 means no limit")
	f.BoolVar(&o.once, "once", false, "end when the connection ends, rather than open it again")
	o.format.addTo(cmd)
}

// longestName is more than any server allows: the server refuses names that are
// too long.
const longestName = 10_000

// subscriber checks the flags and returns the subscriber that they describe.
func (o *subscribeOptions) subscriber() (*subscriber, error) {
	if len(o.channels) == 0 {
		return nil, mistake("no channel is given; write for example fanfare subscribe -c my-channel")
	}
	s := &subscriber{once: o.once}
	for _, name := range o.channels {
		kind, err := pusherproto.ParseChannel(name, longestName)
		if err != nil {
			return nil, mistake("--channel: %w", err)
		}
		if slices.Contains(s.channels, name) {
			continue
		}
		s.channels = append(s.channels, name)
		if !kind.UserChannel() {
			continue
		}
		if s.user != "" {
			return nil, mistake("--channel: a connection is signed in as one user only; run a command for each")
		}
		s.user, _ = pusherproto.UserOfChannel(name)
	}
	if o.count < 0 || o.timeout < 0 {
		return nil, mistake("--count and --timeout are 0, for no end, or more")
	}
	if err := o.format.check(); err != nil {
		return nil, err
	}
	var err error
	if s.printer.key, err = parseEncryptionKey(o.master); err != nil {
		return nil, err
	}
	if s.member, err = memberData(o.userID, o.userInfo); err != nil {
		return nil, err
	}
	s.printer.json, s.printer.only, s.printer.most = o.format.json(), o.events, o.count
	return s, nil
}

// memberData returns the channel_data of a member of a presence channel.
func memberData(id, info string) (string, error) {
	if id == "" {
		return "", mistake("--user-id is empty; presence channels need one")
	}
	data := struct {
		ID   string          `json:"user_id"`
		Info json.RawMessage `json:"user_info,omitempty"`
	}{ID: id}
	if info != "" {
		if !json.Valid([]byte(info)) {
			return "", mistake(`--user-info is not JSON; write for example '{"name":"Ann"}'`)
		}
		data.Info = json.RawMessage(info)
	}
	text, err := json.Marshal(data)
	return string(text), err
}

// subscriber keeps its subscriptions over many connections, and prints the events
// that arrive.
type subscriber struct {
	api
	channels []string
	user     string // to sign in as; "" means no sign-in
	member   string // channel_data on presence channels
	once     bool
	printer  eventPrinter
	note     func(text string) // prints a line for people to standard error
}

// longestPause bounds the time between two attempts to connect.
const longestPause = 30 * time.Second

// run prints events until it has printed enough of them or ctx is done. When a
// connection ends, it opens another one after a pause. The pause is a second, and
// doubles until the subscriptions are confirmed again. There is no pause if the
// server asks for that, and the connection lasted longer than the pause. run
// returns an error if the close code forbids a reconnection, with --once, or if
// the first connection fails: then the address is likely to be wrong.
func (s *subscriber) run(ctx context.Context) error {
	pause := time.Second
	for first := true; ; first = false {
		began := time.Now()
		ready, err := s.converse(ctx)
		var ended closed
		isEnd := errors.As(err, &ended)
		switch {
		case errors.Is(err, errEnough):
			return nil
		case isDone(ctx):
			return s.unfinished(ctx, first && !ready)
		case isEnd && ended.final():
			return refused("subscribe at %s: %w", s.peer.base, err)
		case !isEnd, s.once, first && !ready:
			return fmt.Errorf("subscribe at %s: %w", s.peer.base, err)
		}
		if ready {
			pause = time.Second
		}
		s.note(fmt.Sprintf("%v; connecting again, events meanwhile are missed", err))
		if ready && ended.atOnce() && time.Since(began) > pause {
			continue
		}
		if !sleep(ctx, pause) {
			return s.unfinished(ctx, false)
		}
		pause = min(2*pause, longestPause)
	}
}

// isDone reports whether ctx is done or its deadline has passed. A dial may notice
// the deadline before ctx does.
func isDone(ctx context.Context) bool {
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

// sleep waits for d or until ctx is done. It returns false if ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// unfinished returns the result of a command that a signal or --timeout ended.
// never is true if the subscriptions were never confirmed.
func (s *subscriber) unfinished(ctx context.Context, never bool) error {
	switch {
	case s.printer.most > 0:
		return coded{fmt.Errorf("%d of %d events arrived", s.printer.counted, s.printer.most), exitTooFew}
	case never && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("--timeout passed before %s had confirmed the subscriptions", s.peer.base)
	}
	return nil
}
