package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fanfare/pusherproto"
)

func newHistoryCommand() *cobra.Command {
	var c caller
	var q historyQuestion
	var asJSON, clearing, yes bool
	cmd := &cobra.Command{
		Use:   "history CHANNEL",
		Short: "Print the events that a channel keeps, or clear its history",
		Long: `Print the events that a channel keeps, one on each line. Only fanfare keeps a history,
and only for channels that a rule of the app names (history in the configuration).
Without --limit the command prints all events kept. It writes the history's current
position to standard error. --after takes that position, or the serial of an event, and
prints only later events.`,
		Example: `  fanfare history private-chat-7
  fanfare history private-chat-7 --backward --limit 10
  fanfare history private-chat-7 --json --after 2n9c4qe-1z
  fanfare history private-chat-7 --clear --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			channel := args[0]
			if err := q.check(); err != nil {
				return err
			}
			a, err := c.open(cmd)
			if err != nil {
				return err
			}
			if clearing {
				return a.emptyHistory(cmd, channel, yes)
			}
			if err := a.printHistory(cmd, channel, q, asJSON); err != nil {
				return fmt.Errorf("read the history of %s at %s: %w", channel, a.peer.base, err)
			}
			return nil
		},
	}
	c.addTo(cmd)
	f := cmd.Flags()
	f.IntVar(&q.limit, "limit", 0, "print at most this many events (all)")
	f.StringVar(&q.after, "after", "", "print only events after this serial")
	f.StringVar(&q.before, "before", "", "print only events before this serial")
	f.BoolVar(&q.backward, "backward", false, "print the newest event first")
	f.BoolVar(&asJSON, "json", false, "print a JSON object a line")
	f.BoolVar(&clearing, "clear", false, "clear the history instead, after confirmation")
	f.BoolVar(&yes, "yes", false, "clear the history without asking for confirmation")
	cmd.MarkFlagsMutuallyExclusive("clear", "json")
	for _, name := range []string{"limit", "after", "before", "backward"} {
		cmd.MarkFlagsMutuallyExclusive("clear", name)
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.completeChannels(cmd, args, begun)
	}
	return cmd
}

// historyQuestion selects a part of a history.
type historyQuestion struct {
	limit         int // 0 means all
	after, before string
	backward      bool
}

func (q *historyQuestion) check() error {
	if q.limit < 0 {
		return mistake("--limit %d is not a number of events", q.limit)
	}
	for name, text := range map[string]string{"after": q.after, "before": q.before} {
		if _, ok := pusherproto.ParseSerial(text); text != "" && !ok {
			return mistake("--%s %q is not the serial of an event or a position of the history", name, text)
		}
	}
	return nil
}

// keptEvent is an event of a history as the API returns it and --json prints it.
type keptEvent struct {
	Serial   string `json:"serial"`
	Time     string `json:"time"`
	Name     string `json:"name"`
	Data     string `json:"data"`
	UserID   string `json:"user_id,omitempty"`
	SocketID string `json:"socket_id,omitempty"`
}

// historyAnswer is a page of a history. Events is nil if the
// server is not fanfare.
type historyAnswer struct {
	Events []keptEvent
	Serial string
	More   bool
	Lost   *struct{ Message string }
}

// historyPage is the number of events in one request.
const historyPage = 1000

// printHistory requests and prints pages until q is answered.
func (a api) printHistory(cmd *cobra.Command, channel string, q historyQuestion, asJSON bool) error {
	printed := 0
	for {
		most := historyPage
		if q.limit > 0 {
			most = min(most, q.limit-printed)
		}
		page, err := a.history(cmd.Context(), channel, q, most)
		if err != nil {
			return err
		}
		if page.Lost != nil {
			cmd.PrintErrln(printable(page.Lost.Message))
		}
		for _, e := range page.Events {
			if err := printKept(cmd.OutOrStdout(), e, asJSON); err != nil {
				return err
			}
		}
		printed += len(page.Events)
		switch {
		case printed == 0 && !asJSON:
			cmd.PrintErrln(channel + " keeps no such event")
		case page.More && len(page.Events) > 0 && printed != q.limit:
			if q.backward {
				q.before = page.Serial
			} else {
				q.after = page.Serial
			}
			continue
		}
		if page.Serial != "" && !asJSON {
			cmd.PrintErrln("up to serial " + printable(page.Serial))
		}
		return nil
	}
}

// history requests one page of at most most events.
func (a api) history(ctx context.Context, channel string, q historyQuestion, most int) (page historyAnswer, err error) {
	query := map[string]string{"limit": strconv.Itoa(most)}
	for name, text := range map[string]string{"after": q.after, "before": q.before} {
		if text != "" {
			query[name] = text
		}
	}
	if q.backward {
		query["direction"] = "backward"
	}
	if err := a.get(ctx, historyPath(channel), query, &page); err != nil {
		return page, err
	}
	if page.Events == nil {
		return page, errors.New("the answer has no events: another server is at this address")
	}
	return page, nil
}

func historyPath(channel string) string { return "/channels/" + channel + "/history" }

func printKept(out io.Writer, e keptEvent, asJSON bool) error {
	if asJSON {
		return writeJSON(out, e)
	}
	at := e.Time
	if t, err := time.Parse(time.RFC3339Nano, e.Time); err == nil {
		at = t.Local().Format("2006-01-02 15:04:05.000")
	}
	words := []string{e.Serial, at, e.Name}
	if e.UserID != "" {
		words = append(words, "user_id="+e.UserID)
	}
	if e.SocketID != "" {
		words = append(words, "socket_id="+e.SocketID)
	}
	if e.Data != "" {
		words = append(words, e.Data)
	}
	_, err := io.WriteString(out, printable(strings.Join(words, " "))+"\n")
	return err
}

// emptyHistory clears a history after the user has confirmed it.
func (a api) emptyHistory(cmd *cobra.Command, channel string, yes bool) error {
	if !yes {
		cmd.PrintErrf("Forget all events that %s keeps at %s? Clients cannot recover them then. Type yes: ", printable(channel), a.peer.base)
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 1024)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if strings.TrimSpace(line) != "yes" {
			return mistake("the history was not cleared: the answer was not yes (--yes skips the question)")
		}
	}
	if err := a.do(cmd.Context(), call{method: http.MethodDelete, path: historyPath(channel)}, nil); err != nil {
		return fmt.Errorf("clear the history of %s at %s: %w", channel, a.peer.base, err)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "the history of %s is empty\n", printable(channel))
	return err
}
