package bench

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// endpoints are webhook endpoints that fail, each in a different way.
type endpoints struct {
	server   http.Server
	address  string
	done     chan struct{} // ends the requests that hang
	serving  sync.WaitGroup
	requests atomic.Int64
}

// startEndpoints starts them. stop has to be called.
func startEndpoints() (*endpoints, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &endpoints{address: l.Addr().String(), done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/refuses", func(w http.ResponseWriter, _ *http.Request) {
		e.requests.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	})
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) {
		e.requests.Add(1)
		select {
		case <-e.done:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/resets", func(http.ResponseWriter, *http.Request) {
		e.requests.Add(1)
		panic(http.ErrAbortHandler)
	})
	e.server = http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	e.serving.Go(func() {
		if err := e.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // nothing else closes the listener
		}
	})
	return e, nil
}

// config returns the line of an app's configuration that sends them every client
// event.
func (e *endpoints) config() string {
	var list []string
	for _, path := range []string{"refuses", "hangs", "resets"} {
		list = append(list, fmt.Sprintf(`{ url: "http://%s/%s", events: [client_event] }`, e.address, path))
	}
	return "webhooks: [ " + strings.Join(list, ", ") + " ]"
}

func (e *endpoints) stop() {
	close(e.done)
	_ = e.server.Close()
	e.serving.Wait()
}
