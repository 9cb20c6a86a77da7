package deploy

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// filled are the variables of .env files that were filled in.
var filled = types.Mapping{
	"FANFARE_APP_ID": "chat", "FANFARE_APP_KEY": "7f2a", "FANFARE_APP_SECRET": "4b1ddc2e8b1b4cf2a7a1", "GRAFANA_PASSWORD": "c0ffee1d",
	"REVERB_APP_ID": "chat", "REVERB_APP_KEY": "7f2a", "REVERB_APP_SECRET": "4b1ddc2e8b1b4cf2a7a1",
}

// project reads a compose file as `docker compose config` does.
func project(t *testing.T, name string) *types.Project {
	t.Helper()
	p, err := load(t, name, filled)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

func load(t *testing.T, name string, variables types.Mapping) (*types.Project, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path}},
		Environment: variables,
	}, func(o *loader.Options) { o.SetProjectName("fanfare", true) })
}

func TestCompose_FilesAreValidAndTheirServersTakeTheConfiguration(t *testing.T) {
	for name, nodes := range map[string]int{
		"deploy/compose/compose.yaml":           3,
		"examples/laravel/compose.sail.yaml":    1,
		"examples/laravel/compose.coolify.yaml": 1,
	} {
		for _, service := range project(t, name).Services {
			variables := map[string]string{}
			for key, value := range service.Environment {
				if value == nil {
					t.Fatalf("%s: %s has no value", name, key)
				}
				variables[key] = *value
			}
			if variables["FANFARE_APP_KEY"] == "" {
				continue
			}
			nodes--
			takes(t, "", variables)
		}
		if nodes != 0 {
			t.Errorf("%s: %d servers more were expected", name, nodes)
		}
	}
}

func TestCompose_NodesHaveTimeToDrainAndAreConfined(t *testing.T) {
	for _, service := range project(t, "deploy/compose/compose.yaml").Services {
		if !strings.HasPrefix(service.Name, "node") {
			continue
		}
		if service.StopGracePeriod == nil || time.Duration(*service.StopGracePeriod) <= drain(t, defaults(t)) {
			t.Errorf("%s: stop_grace_period %v is not above shutdown.timeout", service.Name, service.StopGracePeriod)
		}
		if !service.ReadOnly || len(service.CapDrop) != 1 || len(service.Ports) != 0 || service.MemLimit == 0 {
			t.Errorf("%s: want a read-only root, no capabilities, no port of the host, a limit of memory", service.Name)
		}
	}
}

// compose.yaml holds no secret: each is a variable of .env, which .env.example
// names, Git ignores, and without which nothing starts.
func TestCompose_SecretsAreInTheEnvFileAlone(t *testing.T) {
	const file = "deploy/compose/compose.yaml"
	example, err := dotenv.Parse(bytes.NewReader(read(t, "compose/.env.example")))
	if err != nil {
		t.Fatal(err)
	}
	text := string(read(t, "compose/compose.yaml"))
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllStringSubmatch(text, -1) {
		named[m[1]] = true
	}
	for name := range named {
		if _, ok := example[name]; !ok {
			t.Errorf(".env.example does not name %s", name)
		}
	}
	for name := range example {
		if !named[name] {
			t.Errorf(".env.example names %s, which compose.yaml does not read", name)
		}
	}
	for service, variable := range map[string]string{"node1": "FANFARE_APP_SECRET", "grafana": "GRAFANA_PASSWORD"} {
		if example[variable] != "" {
			t.Errorf("everybody knows the %s of .env.example", variable)
		}
		p := project(t, file)
		if !slices.ContainsFunc(slices.Collect(maps.Values(p.Services[service].Environment)), func(v *string) bool { return v != nil && *v == filled[variable] }) {
			t.Errorf("%s does not get %s", service, variable)
		}
		without := maps.Clone(filled)
		without[variable] = example[variable]
		if _, err := load(t, file, without); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("without %s the error is %v", variable, err)
		}
	}
	// Whatever sounds like a secret is a variable.
	for _, m := range regexp.MustCompile(`(?im)^\s*(\w*(?:SECRET|PASSWORD|TOKEN)\w*):\s*(.+)$`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[2], "${") {
			t.Errorf("compose.yaml holds %s", m[1])
		}
	}
	if !slices.Contains(strings.Fields(string(read(t, "compose/.gitignore"))), ".env") {
		t.Error("Git does not ignore .env")
	}
}

func TestCompose_WhatIsMountedIsThereAndOnlyTheProxyIsOpen(t *testing.T) {
	p := project(t, "deploy/compose/compose.yaml")
	for _, service := range p.Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			if info, err := os.Stat(volume.Source); err != nil || info.IsDir() {
				t.Errorf("%s mounts %s: %v", service.Name, volume.Source, err)
			}
			if !volume.ReadOnly {
				t.Errorf("%s may write to %s", service.Name, volume.Source)
			}
		}
		for _, port := range service.Ports {
			if service.Name != "proxy" && port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open to others at %s:%s", service.Name, port.HostIP, port.Published)
			}
		}
	}
	if redis := p.Services["redis"]; len(redis.Networks) != 1 || !p.Networks["cluster"].Internal || !strings.Contains(strings.Join(redis.Command, " "), "--maxmemory-policy noeviction") {
		t.Error("Redis has to be in the inner network alone, and to drop nothing")
	}
}

// Prometheus scrapes each node, by the name and port that it has.
func TestCompose_PrometheusScrapesEachNode(t *testing.T) {
	text := string(read(t, "compose/prometheus.yml"))
	for _, service := range project(t, "deploy/compose/compose.yaml").Services {
		if strings.HasPrefix(service.Name, "node") != strings.Contains(text, `"`+service.Name+`:9601"`) {
			t.Errorf("prometheus.yml is wrong on %s", service.Name)
		}
	}
}
