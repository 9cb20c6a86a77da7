package deploy

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/pelletier/go-toml/v2"
	"sigs.k8s.io/yaml"
)

// What a host is asked for at set-up, or keeps apart from its file.
func withSecrets(variables map[string]string) map[string]string {
	for name, value := range map[string]string{"FANFARE_APP_KEY": "7f2a", "FANFARE_APP_SECRET": "4b1ddc2e8b1b4cf2a7a1"} {
		if variables[name] == "" && (name != "FANFARE_APP_SECRET" || variables["FANFARE_APP_SECRET_FILE"] == "") {
			variables[name] = value
		}
	}
	return variables
}

// hosted checks what all hosts have to be told alike.
func hosted(t *testing.T, variables map[string]string, health string, port string, stop time.Duration) {
	t.Helper()
	takes(t, "", withSecrets(variables))
	if health != "/readyz" {
		t.Errorf("the health check asks for %q", health)
	}
	listen := variables["FANFARE_LISTEN"]
	if listen == "" {
		listen = parse(t, defaults(t)).Listen
	}
	if !strings.HasSuffix(listen, ":"+port) {
		t.Errorf("requests go to port %s, the server listens on %s", port, listen)
	}
	if stop <= drain(t, defaults(t)) {
		t.Errorf("the process is given %s to end, its drain may take %s", stop, drain(t, defaults(t)))
	}
	if variables["FANFARE_HTTP_TRUSTED_PROXIES"] == "" {
		t.Error("the host's proxy is not trusted, so all clients share the limits of its address")
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFly(t *testing.T) {
	type check struct {
		Method, Path, Interval, Timeout string
		GracePeriod                     string `toml:"grace_period"`
	}
	var f struct {
		App           string
		PrimaryRegion string `toml:"primary_region"`
		KillSignal    string `toml:"kill_signal"`
		KillTimeout   string `toml:"kill_timeout"`
		Build         struct{ Dockerfile string }
		Env           map[string]string
		HTTPService   struct {
			InternalPort       int    `toml:"internal_port"`
			ForceHTTPS         bool   `toml:"force_https"`
			AutoStopMachines   string `toml:"auto_stop_machines"`
			AutoStartMachines  bool   `toml:"auto_start_machines"`
			MinMachinesRunning int    `toml:"min_machines_running"`
			Concurrency        struct {
				Type      string
				SoftLimit int `toml:"soft_limit"`
				HardLimit int `toml:"hard_limit"`
			}
			Checks []check
		} `toml:"http_service"`
		Metrics struct {
			Port int
			Path string
		}
		VM []struct{ Size, Memory string }
	}
	if err := toml.NewDecoder(bytes.NewReader(read(t, "hosts/fly.toml"))).DisallowUnknownFields().Decode(&f); err != nil {
		t.Fatal(err)
	}
	if f.HTTPService.InternalPort != 6001 || len(f.HTTPService.Checks) != 1 {
		t.Fatalf("want one check, at port 6001: %+v", f.HTTPService)
	}
	hosted(t, f.Env, f.HTTPService.Checks[0].Path, "6001", duration(t, f.KillTimeout))
	if f.KillSignal != "SIGTERM" || f.HTTPService.AutoStopMachines != "off" || f.HTTPService.Concurrency.Type != "connections" {
		t.Errorf("want SIGTERM, machines that stay, and connections counted: %+v", f)
	}
	if want := parse(t, defaults(t)).Metrics.Listen; want != ":9601" || f.Metrics.Port != 9601 {
		t.Errorf("metrics are read at %d, and served at %s", f.Metrics.Port, want)
	}
}

func TestRender(t *testing.T) {
	var r struct {
		Services []struct {
			Type, Name, Runtime, Plan, Region string
			DockerfilePath, HealthCheckPath   string
			MaxShutdownDelaySeconds           int
			EnvVars                           []struct {
				Key, Value    string
				Sync          *bool
				GenerateValue bool
			}
		}
	}
	if err := yaml.UnmarshalStrict(read(t, "hosts/render.yaml"), &r); err != nil {
		t.Fatal(err)
	}
	s := r.Services[0]
	variables := map[string]string{}
	for _, v := range s.EnvVars {
		variables[v.Key] = v.Value
		if v.Value == "" && v.Sync == nil && !v.GenerateValue {
			t.Errorf("%s has no value", v.Key)
		}
		if v.Key == "FANFARE_APP_SECRET" && v.Value != "" {
			t.Error("the secret is in the file")
		}
	}
	hosted(t, variables, s.HealthCheckPath, variables["PORT"], time.Duration(s.MaxShutdownDelaySeconds)*time.Second)
	if s.MaxShutdownDelaySeconds > 300 {
		t.Error("Render allows 300 seconds")
	}
}

func TestRailway(t *testing.T) {
	var r struct {
		Schema string `json:"$schema"`
		Build  struct{ Builder, DockerfilePath string }
		Deploy struct {
			HealthcheckPath                                                  string
			HealthcheckTimeout, NumReplicas, OverlapSeconds, DrainingSeconds int
			RestartPolicyType                                                string
			RestartPolicyMaxRetries                                          int
		}
	}
	d := json.NewDecoder(bytes.NewReader(read(t, "hosts/railway.json")))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{}
	for line := range strings.Lines(string(read(t, "hosts/railway.env"))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		variables[name] = value
	}
	hosted(t, variables, r.Deploy.HealthcheckPath, variables["PORT"], time.Duration(r.Deploy.DrainingSeconds)*time.Second)
}

func TestNomad(t *testing.T) {
	f, problems := hclsyntax.ParseConfig(read(t, "hosts/fanfare.nomad.hcl"), "fanfare.nomad.hcl", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	job := blocks(t, f.Body.(*hclsyntax.Body), "job")[0]
	group := blocks(t, job.Body, "group")[0]
	task := blocks(t, group.Body, "task")[0]
	variables := map[string]string{}
	for name, attribute := range blocks(t, task.Body, "env")[0].Body.Attributes {
		variables[name] = text(t, attribute)
	}
	for _, template := range blocks(t, task.Body, "template") {
		for _, m := range regexp.MustCompile(`(?m)^\s*(FANFARE_\w+)=`).FindAllStringSubmatch(text(t, template.Body.Attributes["data"]), -1) {
			variables[m[1]] = map[string]string{"FANFARE_CLUSTER_REDIS_ADDRESSES": "10.0.0.5:6379"}[m[1]] // else as of a secret
		}
	}
	var check, port string
	for _, service := range blocks(t, group.Body, "service") {
		if text(t, service.Body.Attributes["name"]) == "fanfare" {
			check = text(t, blocks(t, service.Body, "check")[0].Body.Attributes["path"])
			port = text(t, service.Body.Attributes["port"])
		}
	}
	for _, p := range blocks(t, blocks(t, group.Body, "network")[0].Body, "port") {
		if p.Labels[0] == port {
			port = text(t, p.Body.Attributes["to"])
		}
	}
	hosted(t, variables, check, port, duration(t, text(t, task.Body.Attributes["kill_timeout"])))
	secret := variables["FANFARE_APP_SECRET_FILE"]
	found := false
	for _, template := range blocks(t, task.Body, "template") {
		found = found || filepath.Join("/", text(t, template.Body.Attributes["destination"])) == secret
	}
	if !found {
		t.Errorf("no template writes %s", secret)
	}
}

func blocks(t *testing.T, in *hclsyntax.Body, kind string) (found []*hclsyntax.Block) {
	t.Helper()
	for _, b := range in.Blocks {
		if b.Type == kind {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no block %s", kind)
	}
	return found
}

func text(t *testing.T, a *hclsyntax.Attribute) (value string) {
	t.Helper()
	if a == nil {
		t.Fatal("an attribute is missing")
	}
	if problems := gohcl.DecodeExpression(a.Expr, nil, &value); problems.HasErrors() {
		t.Fatal(problems)
	}
	return value
}
