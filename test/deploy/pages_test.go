package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/yaml"
)

// fragments are the code blocks of a page, at the top of the tree, that are in
// one language: a page that has another number of them fails the test.
func fragments(t *testing.T, page, language string, want int) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^ *```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	if len(found) != want {
		t.Fatalf("%s has %d blocks of %s, the test knows %d", page, len(found), language, want)
	}
	return found
}

// The service of docs/deployment-containers.md is one that Compose takes, and its
// server starts with the variables that it gives.
func TestPages_ComposeServiceOfTheContainersPage(t *testing.T) {
	block := fragments(t, "docs/deployment-containers.md", "yaml", 1)[0]
	folder := t.TempDir()
	write(t, filepath.Join(folder, "app-secret"), []byte("4b1ddc2e8b1b4cf2a7a1"))
	file := filepath.Join(folder, "compose.yaml")
	write(t, file, []byte(block))
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: folder, ConfigFiles: []types.ConfigFile{{Filename: file}}, Environment: types.Mapping{"CHAT_KEY": "7f2a"},
	}, func(o *loader.Options) { o.SetProjectName("chat", true) })
	if err != nil {
		t.Fatal(err)
	}
	service := p.Services["fanfare"]
	variables := map[string]string{}
	for name, value := range service.Environment {
		variables[name] = *value
	}
	secret := variables["FANFARE_APP_SECRET_FILE"]
	if variables["FANFARE_APP_KEY"] != "7f2a" || len(service.Secrets) != 1 || secret != "/run/secrets/"+service.Secrets[0].Source {
		t.Fatalf("the service gets %v and the secrets %v", variables, service.Secrets)
	}
	if got := p.Secrets[service.Secrets[0].Source].File; got != filepath.Join(folder, "app-secret") {
		t.Errorf("the secret is the file %s", got)
	}
	takes(t, "", variables)
}

// The values in the README of the chart install it, with the image and the
// secret that they name, and the server takes its configuration.
func TestPages_ValuesOfTheChartsReadme(t *testing.T) {
	in := install(t, fragments(t, "deploy/helm/fanfare/README.md", "yaml", 1)[0])
	configured(t, in)
	if got := in.deployment.Spec.Template.Spec.Containers[0].Image; got != "registry.example.com/fanfare:1.4.0" {
		t.Errorf("the image is %s", got)
	}
	if in.ingress == nil || in.ingress.Spec.Rules[0].Host != "ws.example.com" {
		t.Errorf("the ingress is %+v", in.ingress)
	}
	if !strings.Contains(in.config, "10.0.0.0/8") {
		t.Errorf("the ingress controller is not trusted:\n%s", in.config)
	}
}

// The flags of `helm install` in docs/deployment-containers.md set values that
// install the chart. Both pages create the Secret that the chart reads.
func TestPages_HelmInstallOfTheContainersPage(t *testing.T) {
	script := fragments(t, "docs/deployment-containers.md", "sh", 3)[2]
	words := command(t, script, "helm")
	if !slices.Equal(words[:3], []string{"install", "fanfare", "deploy/helm/fanfare"}) {
		t.Fatalf("helm %q", words)
	}
	values := map[string]any{}
	for flags := words[3:]; len(flags) > 0; flags = flags[2:] {
		parse := map[string]func(string, map[string]any) error{"--set": strvals.ParseInto, "--set-json": strvals.ParseJSON}[flags[0]]
		if parse == nil || len(flags) < 2 {
			t.Fatalf("the test does not know %q", flags)
		}
		if err := parse(flags[1], values); err != nil {
			t.Fatalf("%s %s: %v", flags[0], flags[1], err)
		}
	}
	text, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	in := install(t, string(text))
	configured(t, in)
	if got := in.deployment.Spec.Template.Spec.Containers[0].Image; !strings.HasPrefix(got, "REGISTRY/fanfare:") {
		t.Errorf("the image is %s", got)
	}

	for page, script := range map[string]string{"docs/deployment-containers.md": script, "deploy/helm/fanfare/README.md": fragments(t, "deploy/helm/fanfare/README.md", "sh", 1)[0]} {
		words := command(t, script, "kubectl")
		if len(words) != 5 || !slices.Equal(words[:3], []string{"create", "secret", "generic"}) {
			t.Fatalf("%s: kubectl %q", page, words)
		}
		name, secret, _ := strings.Cut(strings.TrimPrefix(words[4], "--from-literal="), "=")
		if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(secret) {
			t.Errorf("%s: the secret is %q", page, secret)
		}
		found := false
		for _, v := range in.deployment.Spec.Template.Spec.Volumes {
			found = found || v.Secret != nil && v.Secret.SecretName == words[3]
		}
		if !found || name != "chat" {
			t.Errorf("%s creates %s with the entry %s, which the pods do not mount", page, words[3], name)
		}
	}
}

// configured checks that the server takes what a chart configures.
func configured(t *testing.T, in installed) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, []byte(in.config))
	variables := map[string]string{}
	for _, e := range in.deployment.Spec.Template.Spec.Containers[0].Env {
		if e.Name != "FANFARE_CONFIG" {
			variables[e.Name] = e.Value
		}
	}
	takes(t, file, variables)
}

// command is what bash gives to a program in a script, in which it is called once.
func command(t *testing.T, script, program string) []string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"helm", "kubectl", "fanfare"} {
		text := "#!/bin/sh\nexit 0\n"
		if name == program {
			text = "#!/bin/sh\n[ ! -e \"$0.words\" ] || exit 1\nfor word; do printf '%s\\n' \"$word\"; done >\"$0.words\"\n"
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = folder, []string{"PATH=" + folder + ":" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, script)
	}
	words, err := os.ReadFile(filepath.Join(folder, program+".words"))
	if err != nil {
		t.Fatalf("%s is not called in\n%s", program, script)
	}
	return strings.Split(strings.TrimSuffix(string(words), "\n"), "\n")
}

// sysctl knows each key of docs/deployment-limits.md, and takes the file. Keys of
// connection tracking are there while the kernel has it loaded.
func TestPages_KernelSettings(t *testing.T) {
	block := fragments(t, "docs/deployment-limits.md", "ini", 1)[0]
	if _, err := os.Stat("/proc/sys/net/netfilter"); err != nil {
		block = regexp.MustCompile(`(?m)^net\.netfilter\..*\n`).ReplaceAllString(block, "")
	}
	file := filepath.Join(t.TempDir(), "fanfare.conf")
	write(t, file, []byte(block))
	out := passes(t, ".", "sysctl", "--dry-run", "-p", file)
	if set := regexp.MustCompile(`(?m)^[\w.]+ = `); len(set.FindAllString(out, -1)) != len(set.FindAllString(block, -1)) {
		t.Errorf("sysctl sets\n%sof\n%s", out, block)
	}
}
