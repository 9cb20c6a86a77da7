// go get github.com/pusher/pusher-http-go/v5
package main

import (
	"cmp"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/pusher/pusher-http-go/v5"
)

var fanfare = pusher.Client{
	AppID:  os.Getenv("PUSHER_APP_ID"),
	Key:    os.Getenv("PUSHER_APP_KEY"),
	Secret: os.Getenv("PUSHER_APP_SECRET"),
	Host:   net.JoinHostPort(cmp.Or(os.Getenv("PUSHER_HOST"), "localhost"), cmp.Or(os.Getenv("PUSHER_PORT"), "6001")),
	Secure: os.Getenv("PUSHER_SCHEME") == "https",
}

func main() {
	http.HandleFunc("POST /pusher/auth", authorize)
	http.HandleFunc("POST /orders", create)
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("LISTEN"), "localhost:8000"), nil))
}

func authorize(w http.ResponseWriter, r *http.Request) {
	id, name := "1", "Ann" // replace with your log-in
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10_000))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	form, _ := url.ParseQuery(string(body)) // the SDK reports missing parameters
	var answer []byte
	switch channel := form.Get("channel_name"); {
	case channel == "private-orders":
		answer, err = fanfare.AuthorizePrivateChannel(body)
	case channel == "presence-room":
		answer, err = fanfare.AuthorizePresenceChannel(body, pusher.MemberData{UserID: id, UserInfo: map[string]string{"name": name}})
	default:
		http.Error(w, "You may not join this channel.", http.StatusForbidden)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

func create(w http.ResponseWriter, r *http.Request) {
	var order struct{ Text string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 10_000)).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := fanfare.Trigger("private-orders", "created", map[string]string{"text": order.Text}); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	_, _ = io.WriteString(w, `{"ok":true}`)
}
