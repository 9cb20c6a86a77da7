package config

import (
	"strings"
	"testing"
)

const tracedApp = "apps: [{id: chat, key: k, secret: s}]\n"

func TestTracing_IsOff_AndKeepsAll_UnlessSet(t *testing.T) {
	if c := load(t, tracedApp); c.Tracing.Endpoint != "" || c.Tracing.SampleRatio != 1 {
		t.Errorf("%+v", c.Tracing)
	}
	c, err := Load(write(t, "tracing: {endpoint: 'https://otlp.example.com/otlp', sample_ratio: 0.25}\n"+tracedApp), nil,
		[]string{"FANFARE_TRACING_SAMPLE_RATIO=1e-3", `FANFARE_TRACING_HEADERS={"Authorization":"Bearer hunter2"}`})
	if err != nil || c.Tracing.SampleRatio != 0.001 || c.Tracing.Headers["Authorization"] != "Bearer hunter2" {
		t.Fatalf("%+v, %v", c, err)
	}
	printed := string(c.Print())
	if !strings.Contains(printed, "sample_ratio: 0.001 # FANFARE_TRACING_SAMPLE_RATIO") || !strings.Contains(printed, `endpoint: "https://otlp.example.com/********"`) || strings.Contains(printed, "hunter2") {
		t.Errorf("printed\n%s", printed)
	}
}

func TestTracing_Mistakes(t *testing.T) {
	for text, want := range map[string]string{
		"sample_ratio: 1.5":                      "tracing.sample_ratio: 1.5 is not between 0 and 1",
		"sample_ratio: -0.1":                     "tracing.sample_ratio: -0.1 is not between 0 and 1",
		"sample_ratio: NaN":                      `tracing.sample_ratio: "NaN" is not a number`,
		"sample_ratio: 10%":                      `tracing.sample_ratio: "10%" is not a number; write for example 0.1`,
		"sample_ratio: [1]":                      "tracing.sample_ratio",
		"endpoint: '127.0.0.1:4318'":             "tracing.endpoint: is not an http or https address",
		"endpoint: 'grpc://c:4317'":              "tracing.endpoint: is not an http or https address",
		"endpoint: 'https://u:hunter2@c'":        "tracing.endpoint: has a name or password",
		"endpoint: 'https://c/?key=hunter2'":     "tracing.endpoint: has a query",
		`headers: {"X Y": hunter2}`:              "tracing.headers.X Y: is not a valid header",
		"sample_percent: 10":                     "tracing.sample_percent: unknown key",
		"endpoint: 'http://127.0.0.1:70000'":     "tracing.endpoint: is not an http or https address",
		"endpoint: 'https://c', headers: hunter": "tracing.headers",
	} {
		_, err := Load(write(t, "tracing: {"+text+"}\n"+tracedApp), nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTracing_HeadersWithoutAnEndpoint_IsADoubt(t *testing.T) {
	c := load(t, "tracing: {headers: {X-Token: abc}}\n"+tracedApp)
	if len(c.Warnings) == 0 || !strings.Contains(strings.Join(c.Warnings, "\n"), "tracing.headers: has an effect only if OTEL_EXPORTER_OTLP_ENDPOINT") {
		t.Errorf("%q", c.Warnings)
	}
}
