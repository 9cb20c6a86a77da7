package tracing

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// endpoint returns the URL of the collector; "" if neither cfg nor the environment
// names one.
func (cfg *Config) endpoint() (string, error) {
	if cfg.Endpoint != "" {
		return cfg.Endpoint, nil
	}
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return "", nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		value := strings.TrimSpace(os.Getenv(name))
		if value == "" {
			continue
		}
		if u, err := url.Parse(value); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return "", fmt.Errorf("%s is not an http or https address; write for example http://127.0.0.1:4318", name)
		}
		return value, nil
	}
	return "", nil
}

// checkHeaders refuses lists of headers that the exporter cannot parse. The
// exporter would leave out the invalid part and write it, tokens included, to
// standard error.
func checkHeaders() error {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"} {
		for pair := range strings.SplitSeq(os.Getenv(variable), ",") {
			name, value, ok := strings.Cut(pair, "=")
			if strings.TrimSpace(pair) == "" {
				continue
			}
			if _, err := url.PathUnescape(value); !ok || err != nil || !httpguts.ValidHeaderFieldName(strings.TrimSpace(name)) {
				return fmt.Errorf("%s is not a list such as name=value,other=value; write %%20 for a space in a value", variable)
			}
		}
	}
	return nil
}

func protocol() string {
	if p := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"); p != "" {
		return p
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
}

// withTracesPath appends the path of traces to a base URL (OTLP: endpoint URLs).
func withTracesPath(base string) string {
	base = strings.TrimRight(base, "/")
	if strings.HasSuffix(base, tracesPath) {
		return base
	}
	return base + tracesPath
}
