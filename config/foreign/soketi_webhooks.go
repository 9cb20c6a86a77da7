package foreign

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fanfare/config"
)

// hookEvents are the webhook events that soketi can send.
var hookEvents = []string{"client_event", "channel_occupied", "channel_vacated", "member_added", "member_removed", "cache_miss"}

// soketiWebhook carries over one endpoint.
func (p *plan) soketiWebhook(o *options, at, app string) {
	url := o.text(at + ".url")
	if url == "" {
		o.use(at)
		p.lose(app, o.from(at+".lambda_function"), "fanfare sends webhooks only to URLs; give the function a URL.")
		return
	}
	o.use(at + ".lambda")
	n := 0
	for slices.ContainsFunc(p.settings, func(s config.Setting) bool { return s.Path == fmt.Sprintf("%s.webhooks.%d.url", app, n) }) {
		n++
	}
	hook := fmt.Sprintf("%s.webhooks.%d", app, n)
	p.set(hook+".url", url, "")
	var events []string
	for _, event := range o.texts(at + ".event_types") {
		if slices.Contains(hookEvents, event) {
			events = append(events, event)
		} else {
			p.lose(hook, "the event "+strings.Map(printable, event), "no event has that name.")
		}
	}
	if len(events) == 0 { // an empty list would send all
		events = []string{"channel_occupied"}
		p.comment(hook, "soketi sent nothing to it, because it has no event_types. Remove it, or list the events.")
	}
	p.set(hook+".events", events, "")
	if prefix := o.text(at + ".filter.channel_name_starts_with"); prefix != "" {
		p.set(hook+".filter.channel_prefix", prefix, "")
	}
	if suffix := o.text(at + ".filter.channel_name_ends_with"); suffix != "" {
		p.set(hook+".filter.channel_suffix", suffix, "")
	}
	if headers := o.table(at + ".headers"); len(headers) > 0 {
		p.set(hook+".headers", headers, "")
	}
	if o.on("webhooks.batching.enabled") {
		p.set(hook+".batch.enabled", true, o.from("webhooks.batching.enabled"))
		if o.has("webhooks.batching.duration") {
			p.duration(hook+".batch.interval", o, "webhooks.batching.duration", time.Millisecond, 10*time.Millisecond, time.Minute)
		} else {
			p.set(hook+".batch.interval", 50*time.Millisecond, "soketi's default")
		}
	}
}

// printable replaces all but printable ASCII characters, for names from a file.
func printable(c rune) rune {
	if c < ' ' || c > '~' {
		return '?'
	}
	return c
}
