package adminapi

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Cluster is the nodes that the node of a Server is one of.
type Cluster interface {
	// Self is this node.
	Self() Member
	// Others are the other nodes that are not dead, sorted by id.
	Others() []Member
	// Ask puts a question to some of them, by their ids, and returns the answers,
	// of at most most bytes, of those that answered in time.
	Ask(ctx context.Context, ids []string, question []byte, patience time.Duration, most int) map[string][]byte
	// Follow has all others tell h what the question is about, in pieces of at most
	// most bytes, until ctx is done.
	Follow(ctx context.Context, question []byte, most int, h Hearing)
}

// Member is a node. Its id is "" where there is no cluster.
type Member struct{ ID, Name string }

// Hearing takes what others tell. Its methods do not block.
type Hearing interface {
	// News passes on a piece of another node's events.
	News(id string, body []byte)
	// Silent has the ids of those that tell nothing, whenever these are others.
	Silent(ids []string)
}

// What nodes ask each other about.
const (
	aboutUsers    = "users"
	aboutSockets  = "sockets"
	aboutSocket   = "socket"
	aboutClose    = "close"
	aboutCloseAll = "close all"
	aboutWebhooks = "webhooks"
	aboutReplay   = "replay"
	aboutEvents   = "events"
)

// question is what one node asks another. A node of another version may leave
// fields out, or have more.
type question struct {
	About   string   `json:"about"`
	App     string   `json:"app,omitempty"`
	Channel string   `json:"channel,omitempty"`
	ID      string   `json:"id,omitempty"` // of a socket or a delivery
	After   string   `json:"after,omitempty"`
	Limit   int      `json:"limit,omitempty"`
	Close   *Close   `json:"close,omitempty"`
	Node    string   `json:"node,omitempty"` // aboutEvents: of this node alone, by its id
	Kinds   []string `json:"kinds,omitempty"`
	Payload bool     `json:"payload,omitempty"`
	Rate    int      `json:"rate,omitempty"` // aboutEvents: bytes a second, 0 is mostTold
}

// answer is what is answered. Cut says that the list goes on.
type answer struct {
	Error     *Error        `json:"error,omitempty"`
	Users     []User        `json:"users,omitempty"`
	Sockets   []Socket      `json:"sockets,omitempty"`
	Next      string        `json:"next,omitempty"`
	Socket    *SocketDetail `json:"socket,omitempty"`
	There     bool          `json:"there,omitempty"`
	Count     int           `json:"count,omitempty"`
	Endpoints []Endpoint    `json:"endpoints,omitempty"`
	Delivery  *Delivery     `json:"delivery,omitempty"`
	Cut       bool          `json:"cut,omitempty"`
}

const (
	// askPatience is how long other nodes have to answer.
	askPatience = 3 * time.Second
	// replayPatience is how long one has to replay a delivery.
	replayPatience = 20 * time.Second
	// mostAnswers is how many bytes the answers of all nodes have together, if each
	// has no less than leastAnswer: the server of the cluster keeps them for a node
	// that reads slowly. mostAnswer is how many one has.
	mostAnswers = 4 << 20
	mostAnswer  = 1 << 20
	leastAnswer = 64 << 10
)

// scope is the nodes that a request is about.
type scope struct {
	self   bool
	others []Member
}

// scope reads the parameter node, the name or the id of a node; without it all
// nodes are meant.
func (s *Server) scope(r *request) (scope, error) {
	var others []Member
	if s.cfg.Cluster != nil {
		others = s.cfg.Cluster.Others()
	}
	q := r.URL.Query()
	if !q.Has("node") {
		return scope{true, others}, nil
	}
	name := q.Get("node")
	is := func(m Member) bool { return name != "" && (m.Name == name || m.ID == name) }
	found := scope{is(s.local.Self), slices.DeleteFunc(others, func(m Member) bool { return !is(m) })}
	if !found.self && len(found.others) == 0 {
		return scope{}, notFound("there is no node of this name")
	}
	return found, nil
}

// answered is what a node answered.
type answered struct {
	Member
	answer
}

// asking has others asked while the caller asks the node itself. What it returns
// waits for the answers, and returns the names of those that did not answer.
func (s *Server) asking(ctx context.Context, others []Member, q question, patience time.Duration) (wait func() (all []answered, missing []string)) {
	if len(others) == 0 {
		return func() ([]answered, []string) { return nil, []string{} }
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	var (
		waiting sync.WaitGroup
		got     map[string][]byte
	)
	waiting.Go(func() {
		ids := make([]string, 0, len(others))
		for _, m := range others {
			ids = append(ids, m.ID)
		}
		most := min(max(mostAnswers/len(others), leastAnswer), mostAnswer)
		got = s.cfg.Cluster.Ask(ctx, ids, encode(q), patience, most)
	})
	return func() (all []answered, missing []string) {
		defer cancel()
		waiting.Wait()
		missing = []string{}
		for _, m := range others {
			a := answered{Member: m}
			if body := got[m.ID]; body == nil || json.Unmarshal(body, &a.answer) != nil {
				missing = append(missing, m.Name)
				continue
			}
			all = append(all, a)
		}
		return all, missing
	}
}

// encode is the JSON of what always has one.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // texts and numbers always have a JSON form
		panic(err)
	}
	return b
}

// failed takes those out that could not answer: they are missing as well.
func failed(all []answered, missing []string) ([]answered, []string) {
	all = slices.DeleteFunc(all, func(a answered) bool {
		if a.Error != nil {
			missing = append(missing, a.Name)
		}
		return a.Error != nil
	})
	return all, missing
}
