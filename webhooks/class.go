package webhooks

import "fanfare/pusherproto"

// class distinguishes events by what a client needs to cause them. All events
// of a channel are of one class.
type class uint8

const (
	// unsigned are events of public channels. Anyone who knows the app's key,
	// which every page contains, can cause them.
	unsigned class = iota
	// signed are events of private, presence and encrypted channels, which a
	// client can only subscribe to with a signature of the back end.
	signed

	classes = iota
)

func classOf(channel string) class {
	if pusherproto.KindOf(channel).Signed() {
		return signed
	}
	return unsigned
}

// String is the class's name in metrics and the log.
func (c class) String() string { return [...]string{"unsigned", "signed"}[c] }

// reason is why an event was dropped.
type reason uint8

const (
	queueFull reason = iota
	memoryShort
	tooLarge // larger than a whole queue
	refused  // by the endpoint, for too long

	reasons = iota
)

// String is the reason's name in metrics.
func (r reason) String() string {
	return [...]string{"queue_full", "memory", "too_large", "refused"}[r]
}

// message is the log message for events dropped for the reason.
func (r reason) message() string {
	return [...]string{
		"webhook events were dropped, the queue is full",
		"webhook events were dropped, memory is short",
		"webhook events were dropped, they are larger than the queue",
		"dropped webhook events that were refused for too long",
	}[r]
}
