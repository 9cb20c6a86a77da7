package adminapi

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Cluster gives access to the cluster that this node belongs to.
type Cluster interface {
	// Self is this node.
	Self() Member
	// Others are the other nodes that are not dead, sorted by id.
	Others() []Member
	// Ask sends a question to the nodes with the given ids. It waits for at
	// most patience and returns the answers by node id, at most most bytes in
	// all. Nodes that did not answer are left out.
	Ask(ctx context.Context, ids []string, question []byte, patience time.Duration, most int) map[string][]byte
	// Follow asks all other nodes to send the events that the question selects,
	// in pieces of at most most bytes, and passes them to h until ctx is done.
	Follow(ctx context.Context, question []byte, most int, h Hearing)
}

// Member is a node. Its id is "" where there is no cluster.
type Member struct{ ID, Name string }

// Hearing receives the events of other nodes. Its methods do not block.
type Hearing interface {
	// News receives a piece of the events of the node id.
	News(id string, body []byte)
	// Silent receives the ids of the nodes that send no events, whenever that
	// set changes.
	Silent(ids []string)
}

// The subjects of questions between nodes.
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

// question is a question from one node to another. Nodes of other versions may
// leave fields out or send more.
type question struct {
	About   string   `json:"about"`
	App     string   `json:"app,omitempty"`
	Channel string   `json:"channel,omitempty"`
	ID      string   `json:"id,omitempty"` // of a socket or a delivery
	After   string   `json:"after,omitempty"`
	Limit   int      `json:"limit,omitempty"`
	Close   *Close   `json:"close,omitempty"`
	Node    string   `json:"node,omitempty"` // aboutEvents: id of the only node to follow
	Kinds   []string `json:"kinds,omitempty"`
	Payload bool     `json:"payload,omitempty"`
	Rate    int      `json:"rate,omitempty"` // aboutEvents: bytes a second, 0 is mostTold
}

// answer is the answer to a question. Cut means that the list continues.
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
	// replayPatience is how long a node has to replay a delivery.
	replayPatience = 20 * time.Second
	// mostAnswers is the maximum of bytes in the answers of all nodes together,
	// unless there are so many nodes that each would have less than
	// leastAnswer: the cluster server keeps the answers for a node that reads
	// slowly. mostAnswer is the maximum for one node.
	mostAnswers = 4 << 20
	mostAnswer  = 1 << 20
	leastAnswer = 64 << 10
)

// scope is the set of nodes that a request is about.
type scope struct {
	self   bool
	others []Member
}

// scope reads the parameter node, which is the name or id of a node. Without it
// the request is about all nodes.
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

// answered is the answer of one node.
type answered struct {
	Member
	answer
}

// asking sends a question to other nodes while the caller collects the answer
// of this node. The returned function waits for the answers, and also returns
// the names of the nodes that did not answer.
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

// encode returns the JSON of a value that can always be encoded.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // texts and numbers always have a JSON form
		panic(err)
	}
	return b
}

// failed moves nodes that answered with an error to the missing ones.
func failed(all []answered, missing []string) ([]answered, []string) {
	all = slices.DeleteFunc(all, func(a answered) bool {
		if a.Error != nil {
			missing = append(missing, a.Name)
		}
		return a.Error != nil
	})
	return all, missing
}
