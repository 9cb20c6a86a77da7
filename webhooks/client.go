package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"fanfare/apps"
	"fanfare/pusherproto"
)

// maxResponse is how much of an answer is read, so that the connection can be
// used again (docs/spec/webhooks.md#delivery).
const maxResponse = 64 << 10

// client posts signed requests.
type client struct {
	http    *http.Client
	timeout time.Duration
}

// newClient returns a client that connects only to addresses that the policy
// allows. They are checked after the name was resolved, at each connection,
// because a name may resolve to another address each time. A proxy of the
// environment is used only if any target is allowed, since the check would see
// the proxy's address.
func newClient(allowed Policy, timeout time.Duration, anywhere bool) *client {
	dialer := &net.Dialer{
		Timeout:   timeout,
		KeepAlive: 30 * time.Second,
		Control:   func(_, address string, _ syscall.RawConn) error { return allowed.checkDial(address) },
	}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    timeout,
		MaxResponseHeaderBytes: maxResponse,
		// A connection of HTTP/2 outlives an attempt that times out. Without
		// pings, a connection that a firewall or a balancer silently dropped
		// would fail every attempt until the kernel closes it, which takes
		// longer than events are retried.
		HTTP2: &http.HTTP2Config{SendPingTimeout: timeout, PingTimeout: timeout},
	}
	if anywhere {
		transport.Proxy = http.ProxyFromEnvironment
	}
	return &client{
		http: &http.Client{
			Transport: transport,
			// A redirect is a failure: the signed body goes nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout: timeout,
	}
}

// post makes one attempt and returns the status of the answer, or 0 without an
// answer. The error contains no URL, which may hold a secret.
func (c *client) post(ctx context.Context, u *url.URL, more http.Header, key apps.Key, body []byte, traceparent string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req := (&http.Request{
		Method:        http.MethodPost,
		URL:           u,
		Header:        more.Clone(),
		Host:          more.Get("Host"),
		Body:          io.NopCloser(bytes.NewReader(body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
		ContentLength: int64(len(body)),
	}).WithContext(ctx)
	// Exactly this: SDKs compare it as text (docs/spec/webhooks.md#request).
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Pusher-Key", key.Key)
	req.Header.Set("X-Pusher-Signature", pusherproto.SignWebhook(key.Secret, body))
	setUnlessThere(req.Header, "Accept", "application/json")
	setUnlessThere(req.Header, "User-Agent", "fanfare-webhooks")
	if traceparent != "" {
		req.Header.Set("Traceparent", traceparent)
		req.Header.Del("Tracestate") // belongs to another trace
	}
	// An empty list is not sent. It lets the transport repeat the request at
	// once when a kept-alive connection turns out to be closed.
	req.Header["Idempotency-Key"] = []string{}

	res, err := c.http.Do(req)
	if err != nil {
		var withURL *url.Error
		if errors.As(err, &withURL) {
			err = withURL.Err
		}
		return 0, err
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxResponse)
	_ = res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, fmt.Errorf("answered %d", res.StatusCode)
	}
	return res.StatusCode, nil
}

func setUnlessThere(h http.Header, name, value string) {
	if _, ok := h[name]; !ok {
		h.Set(name, value)
	}
}

// ours reports whether an endpoint's own headers cannot replace a header: those
// of the protocol, and those that describe the body or the connection.
func ours(name string) bool {
	switch name {
	case "Content-Type", "X-Pusher-Key", "X-Pusher-Signature",
		"Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection",
		"Te", "Trailer", "Upgrade", "Expect", "Idempotency-Key":
		return true
	}
	return false
}

func headersOf(configured map[string]string) http.Header {
	h := make(http.Header, len(configured)+6)
	for name, value := range configured {
		if name = http.CanonicalHeaderKey(name); !ours(name) {
			h.Set(name, value)
		}
	}
	return h
}
