package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fanfare/channels"
	"fanfare/pusherproto"
)

// listChannels answers GET /apps/ID/channels?filter_by_prefix=&info=.
func (s *Server) listChannels(x *exchange, r *request) error {
	info, err := askedInfo(r.query)
	if err != nil {
		return err
	}
	prefix, _ := r.query.Get("filter_by_prefix")
	if info&pusherproto.InfoUserCount != 0 && !strings.HasPrefix(prefix, "presence-") {
		return badRequest("user_count may only be requested for presence channels - please supply filter_by_prefix begining with presence-") // sic: Pusher's wording
	}
	if info&pusherproto.InfoCache != 0 {
		return badRequest("info: cache is available only for one channel, at /channels/NAME")
	}
	leave, err := s.listings.enter(x.r.Context(), r.app)
	if err != nil {
		return err
	}
	defer leave()
	list, err := s.cfg.Hub.Channels(x.r.Context(), r.app, prefix)
	if err != nil {
		return err
	}
	o := object{b: append(make([]byte, 0, 32+48*len(list)), `{"channels":{`...)}
	for _, ch := range list {
		o.key(ch.Name)
		o.open()
		o.counts(ch, info)
		o.close()
	}
	return x.respond(http.StatusOK, append(o.b, "}}"...))
}

// describeChannel answers GET /apps/ID/channels/NAME?info=.
func (s *Server) describeChannel(x *exchange, r *request) error {
	name, kind, err := channelParam(x, r)
	if err != nil {
		return err
	}
	info, err := askedInfo(r.query)
	if err != nil {
		return err
	}
	if info&pusherproto.InfoUserCount != 0 && !kind.Presence() {
		return badRequest("Cannot retrieve the user count unless the channel is a presence channel, which %s is not", quoted(name))
	}
	if info&pusherproto.InfoCache != 0 && !kind.Cache() {
		return badRequest("info: cache is available only for cache channels, which %s is not", quoted(name))
	}
	ch, err := s.cfg.Hub.Channel(x.r.Context(), r.app, name)
	if err != nil {
		return err
	}
	o := object{b: append(make([]byte, 0, 128), '{')}
	o.key("occupied")
	o.b = strconv.AppendBool(o.b, ch.Sockets > 0)
	o.counts(ch, info)
	if info&pusherproto.InfoCache != 0 {
		o.key("cache")
		o.cached(ch.Cached)
	}
	o.close()
	return x.respond(http.StatusOK, o.b)
}

// channelParam returns the channel in the path. A user's own channel is
// refused.
func channelParam(x *exchange, r *request) (string, pusherproto.Kind, error) {
	name, err := x.param("channel")
	if err != nil {
		return "", 0, err
	}
	kind, err := pusherproto.ParseChannel(name, r.app.Limits.MaxChannelName)
	if err != nil {
		return "", 0, badRequest("%v", err)
	}
	if kind.UserChannel() {
		return "", 0, badRequest("%s is a user's own channel and cannot be queried", quoted(name))
	}
	return name, kind, nil
}

func askedInfo(q pusherproto.Query) (pusherproto.Info, error) {
	info, bad := pusherproto.ParseInfo(q.Joined("info"))
	if bad != nil {
		return 0, bad
	}
	if info&pusherproto.InfoSerial != 0 {
		return 0, badRequest("info: serial is available only when publishing; get the latest serial of a channel from /channels/NAME/history")
	}
	return info, nil
}

func badRequest(format string, args ...any) error {
	return &pusherproto.Error{Code: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// object appends the members of a JSON object.
type object struct{ b []byte }

// key appends a member's name, after a comma where one is needed.
func (o *object) key(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = pusherproto.AppendString(o.b, name)
	o.b = append(o.b, ':')
}

func (o *object) open()  { o.b = append(o.b, '{') }
func (o *object) close() { o.b = append(o.b, '}') }

func (o *object) number(name string, n int) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, int64(n), 10)
}

// counts appends the requested counts.
func (o *object) counts(ch channels.ChannelInfo, info pusherproto.Info) {
	if info&pusherproto.InfoUserCount != 0 {
		o.number("user_count", ch.Users)
	}
	if info&pusherproto.InfoSubscriptionCount != 0 {
		o.number("subscription_count", ch.Sockets)
	}
}

// cached appends the last event of a cache channel. The remaining time is
// rounded up, so it is at least one second.
func (o *object) cached(e *channels.Cached) {
	if e == nil {
		o.b = append(o.b, "null"...)
		return
	}
	o.open()
	o.key("data")
	o.b = append(o.b, e.Data...)
	o.number("ttl", int((e.TTL+time.Second-1)/time.Second))
	o.close()
}
