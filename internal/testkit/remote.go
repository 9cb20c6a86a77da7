package testkit

import (
	"context"
	"errors"
	"sync"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/pusherproto"
)

// Remote is a cluster of other nodes, of which the test says what it answers
// and when. It knows of nobody: everybody is let on every channel, and nothing
// is remembered. Its New is for channels.Config.
type Remote struct {
	node channels.Node

	mu      sync.Mutex
	held    []channels.Publication // wait for Release
	holds   bool
	verdict error // of what is published
	failure error // of what is asked
}

// New makes it the cluster of a node.
func (r *Remote) New(node channels.Node) channels.Cluster {
	r.node = node
	return r
}

// Answer has what is published from here on accepted or, if err is not nil,
// refused at once.
func (r *Remote) Answer(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds, r.verdict = false, err
}

// Hold has what is published from here on wait for Release.
func (r *Remote) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds = true
}

// Held is how many publications wait.
func (r *Remote) Held() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.held)
}

// Release answers all that wait.
func (r *Remote) Release(err error) {
	r.mu.Lock()
	held := r.held
	r.held = nil
	r.mu.Unlock()
	for _, p := range held {
		r.conclude(p, err)
	}
}

// Fail has questions fail, unless err is nil.
func (r *Remote) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

// Admit implements channels.Cluster.
func (r *Remote) Admit(*apps.App, func(*pusherproto.Error)) bool { return true }

// Depart implements channels.Cluster.
func (r *Remote) Depart(*apps.App) {}

// Sockets implements channels.Cluster.
func (r *Remote) Sockets(*apps.App) int { return RemoteSockets }

// RemoteSockets is how many sockets an app has, as a Remote answers.
const RemoteSockets = 7

// Publish implements channels.Cluster.
func (r *Remote) Publish(p channels.Publication) (taken bool) {
	r.mu.Lock()
	verdict, holds := r.verdict, r.holds && !p.Client
	if holds {
		r.held = append(r.held, p)
	}
	r.mu.Unlock()
	if !holds {
		r.conclude(p, verdict)
	}
	return holds || verdict == nil
}

func (r *Remote) conclude(p channels.Publication, err error) {
	if err == nil {
		r.node.Deliver(p.App, p.Channel, p.Frame, p.Except)
	}
	if p.Accepted != nil {
		p.Accepted(err)
	}
}

// Join implements channels.Cluster.
func (r *Remote) Join(_ channels.Join, answer func(channels.Joined)) { answer(channels.Joined{}) }

// Leave implements channels.Cluster.
func (r *Remote) Leave(channels.Leave) {}

// SignIn implements channels.Cluster.
func (r *Remote) SignIn(_ channels.SignIn, answer func(channels.SignedIn)) {
	answer(channels.SignedIn{})
}

// SignOut implements channels.Cluster.
func (r *Remote) SignOut(channels.SignOut) {}

// Terminate implements channels.Cluster.
func (r *Remote) Terminate(context.Context, *apps.App, string) error { return r.fails() }

// Channels implements channels.Cluster.
func (r *Remote) Channels(context.Context, *apps.App, string) ([]channels.ChannelInfo, error) {
	return nil, r.fails()
}

// Channel implements channels.Cluster.
func (r *Remote) Channel(_ context.Context, _ *apps.App, name string) (channels.ChannelInfo, error) {
	return channels.ChannelInfo{Name: name}, r.fails()
}

// Members implements channels.Cluster.
func (r *Remote) Members(context.Context, *apps.App, string) ([]string, error) {
	return nil, r.fails()
}

// History implements channels.Cluster.
func (r *Remote) History(context.Context, *apps.App, string, channels.HistoryQuery) (channels.HistoryPage, error) {
	return channels.HistoryPage{}, r.fails()
}

// ClearHistory implements channels.Cluster.
func (r *Remote) ClearHistory(context.Context, *apps.App, string) error { return r.fails() }

func (r *Remote) fails() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// Run implements channels.Cluster.
func (r *Remote) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// ErrRemote is a failure that nobody but a log may hear of.
var ErrRemote = errors.New("for the test: 10.0.0.1:6379 said no")
