package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// project reads a compose file as `docker compose config` does.
func project(t *testing.T, name string) *types.Project {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path}},
		Environment: types.Mapping{
			"FANFARE_APP_ID": "chat", "FANFARE_APP_KEY": "7f2a",
			"REVERB_APP_ID": "chat", "REVERB_APP_KEY": "7f2a", "REVERB_APP_SECRET": "4b1ddc2e8b1b4cf2a7a1",
		},
	}, func(o *loader.Options) { o.SetProjectName("fanfare", true) })
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
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
		for _, secret := range service.Secrets {
			if path := "/run/secrets/" + secret.Source; *service.Environment["FANFARE_APP_SECRET_FILE"] != path {
				t.Errorf("%s: the secret is at %s", service.Name, path)
			}
		}
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
