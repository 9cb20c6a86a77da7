package demo

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"fanfare/pusherproto"
)

// decode reads a JSON body.
func decode(r *http.Request, into any) error {
	err := json.NewDecoder(r.Body).Decode(into)
	if err == nil {
		return nil
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return err
	}
	return refuse(http.StatusBadRequest, "That is no JSON.")
}

// login: POST {name, session} makes somebody who they say they are.
func (s *site) login(w http.ResponseWriter, r *http.Request) (any, error) {
	var in struct{ Name, Session string }
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	name, err := checkName(in.Name)
	if err != nil {
		return nil, err
	}
	if !sessionID.MatchString(in.Session) {
		return nil, refuse(http.StatusBadRequest, "session must be 8 to 64 hex digits.")
	}
	who := identity{name, userID(name, in.Session)}
	return who, s.remember(w, r, who)
}

// form reads the socket_id and channel_name of a connection that asks to be let
// in, and who asks.
func (s *site) form(r *http.Request) (who identity, socket pusherproto.SocketID, channel string, err error) {
	if who, err = s.who(r); err != nil {
		return who, socket, "", err
	}
	if err := r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return who, socket, "", err
		}
		return who, socket, "", refuse(http.StatusBadRequest, "That is no form.")
	}
	socket, ok := pusherproto.ParseSocketID(r.PostForm.Get("socket_id"))
	if !ok {
		return who, socket, "", refuse(http.StatusBadRequest, "socket_id is missing.")
	}
	return who, socket, r.PostForm.Get("channel_name"), nil
}

// authorize: POST socket_id, channel_name lets a connection into a room.
func (s *site) authorize(_ http.ResponseWriter, r *http.Request) (any, error) {
	who, socket, channel, err := s.form(r)
	if err != nil {
		return nil, err
	}
	room, err := roomOf(channel)
	if err != nil {
		return nil, err
	}
	here, err := s.customer.users(r.Context(), channelPrefix+room)
	if err != nil {
		return nil, err
	}
	// The same person in another tab has the same id; the same name with another
	// id is somebody else.
	taken := func(id string) bool { return id != who.ID && slugOf(id) == slugOf(who.ID) }
	if slices.ContainsFunc(here, taken) {
		return nil, refuse(http.StatusConflict, "The name "+who.Name+" is taken in this room.")
	}
	data, err := json.Marshal(map[string]any{"user_id": who.ID, "user_info": map[string]string{"name": who.Name}})
	if err != nil {
		return nil, err
	}
	return map[string]string{
		"auth":         s.Key + ":" + pusherproto.SignChannel(s.Secret, socket, channel, string(data), true),
		"channel_data": string(data),
	}, nil
}

// signIn: POST socket_id signs a connection in as its user.
func (s *site) signIn(_ http.ResponseWriter, r *http.Request) (any, error) {
	who, socket, _, err := s.form(r)
	if err != nil {
		return nil, err
	}
	// Ids of signed-in users are part of channel names and take no letters beyond
	// A to Z; those of presence members may be any text.
	data, err := json.Marshal(map[string]any{"id": s.sign(who.ID), "user_info": map[string]string{"name": who.Name}})
	if err != nil {
		return nil, err
	}
	return map[string]string{"auth": s.Key + ":" + pusherproto.SignUser(s.Secret, socket, string(data)), "user_data": string(data)}, nil
}

// chatMessage is the data of a new-message event.
type chatMessage struct {
	ID         string `json:"id"`
	Text       string `json:"text"`
	SenderID   string `json:"senderId"`
	SenderName string `json:"senderName"`
	Timestamp  string `json:"timestamp"` // RFC 3339
}

// message: POST {room, text, id, socketId} sends a message to a room. The
// connection of socketId, if there is one, is left out.
func (s *site) message(_ http.ResponseWriter, r *http.Request) (any, error) {
	who, err := s.who(r)
	if err != nil {
		return nil, err
	}
	var in struct{ Room, Text, ID, SocketID string }
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	room, err := checkRoom(in.Room)
	if err != nil {
		return nil, err
	}
	text, err := checkText(in.Text)
	if err != nil {
		return nil, err
	}
	if _, ok := pusherproto.ParseSocketID(in.SocketID); !messageID.MatchString(in.ID) || in.SocketID != "" && !ok {
		return nil, refuse(http.StatusBadRequest, "id or socketId is not one.")
	}
	here, err := s.customer.users(r.Context(), channelPrefix+room)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(here, who.ID) {
		return nil, refuse(http.StatusForbidden, "You are not in this room.")
	}
	m := chatMessage{in.ID, text, who.ID, who.Name, s.now().UTC().Format("2006-01-02T15:04:05.000Z07:00")}
	return m, s.customer.trigger(r.Context(), channelPrefix+room, "new-message", m, in.SocketID)
}

// room: GET tells who is in a room.
func (s *site) room(_ http.ResponseWriter, r *http.Request) (any, error) {
	room, err := checkRoom(r.PathValue("room"))
	if err != nil {
		return nil, err
	}
	here, err := s.customer.users(r.Context(), channelPrefix+room)
	if err != nil {
		return nil, err
	}
	return map[string]any{"room": room, "members": len(here), "users": here}, nil
}
