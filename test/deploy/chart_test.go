package deploy

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const (
	oneApp = "apps: [{id: chat, key: 7f2a, secretKey: chat}]\n"
	redis  = "redis: {addresses: ['redis:6379']}\n"
	full   = `
apps:
  - {id: chat, key: 7f2a, secretKey: chat, allowed_origins: ["https://chat.example.com"], limits: {max_connections: 5000000}}
  - {id: news, key: b9e1, secretKey: news}
redis:
  addresses: ["redis-0:6379", "redis-1:6380"]
  passwordSecret: {name: redis, key: password}
trustedProxies: [10.0.0.0/8]
config: {log: {level: debug}, webhooks: {queue_bytes: 33554432}, cluster: {on_gap: keep}}
shutdown: {preStopSeconds: 3, delaySeconds: 7, spreadSeconds: 40, timeoutSeconds: 120}
ingress: {enabled: true, className: nginx, tlsSecret: chat-tls, annotations: {a: b}}
autoscaling: {enabled: true}
httpRoute: {enabled: true, parentRefs: [{name: public, namespace: gateways}], hostnames: [ws.example.com]}
podMonitor: {enabled: true}
prometheusRule: {enabled: true, labels: {release: monitoring}}
dashboard: {enabled: true}
`
)

// The server takes the configuration that the chart makes, with the variables
// of the container.
func TestChart_ServerTakesTheConfiguration(t *testing.T) {
	for name, values := range map[string]string{"one pod": oneApp + "replicaCount: 1", "two pods": oneApp + redis, "full": full} {
		t.Run(name, func(t *testing.T) {
			in := install(t, values)
			file := filepath.Join(t.TempDir(), "config.yaml")
			write(t, file, []byte(in.config))
			variables := map[string]string{}
			mounts := map[string]bool{}
			container := in.deployment.Spec.Template.Spec.Containers[0]
			for _, m := range container.VolumeMounts {
				mounts[m.MountPath] = true
			}
			for _, e := range container.Env {
				if e.Name != "FANFARE_CONFIG" {
					variables[e.Name] = e.Value
				}
				if !mounts[filepath.Dir(e.Value)] {
					t.Errorf("%s: nothing is mounted at %s", e.Name, filepath.Dir(e.Value))
				}
			}
			takes(t, file, variables)
			if strings.Contains(in.config, "secret") {
				t.Errorf("a secret is in the ConfigMap:\n%s", in.config)
			}
		})
	}
}

// Kubernetes ends no pod before its drain is over.
func TestChart_GracePeriodCoversTheDrain(t *testing.T) {
	for _, values := range []string{oneApp + redis, full, oneApp + redis + "shutdown: {preStopSeconds: 0}"} {
		in := install(t, values)
		spec := in.deployment.Spec.Template.Spec
		wait := time.Duration(0)
		if l := spec.Containers[0].Lifecycle; l != nil {
			wait = time.Duration(l.PreStop.Sleep.Seconds) * time.Second
		}
		if grace := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second; grace < wait+drain(t, in.config)+5*time.Second {
			t.Errorf("terminationGracePeriodSeconds is %s; preStop takes %s and shutdown.timeout is %s", grace, wait, drain(t, in.config))
		}
	}
}

func TestChart_ProbesAskThePathsOfTheServerAndThePodIsConfined(t *testing.T) {
	spec := install(t, full).deployment.Spec.Template.Spec
	c := spec.Containers[0]
	for probe, want := range map[*corev1.Probe]string{c.StartupProbe: "/healthz", c.LivenessProbe: "/healthz", c.ReadinessProbe: "/readyz"} {
		if probe == nil || probe.HTTPGet.Path != want || probe.HTTPGet.Port.StrVal != "http" {
			t.Errorf("want a probe of %s at the port http, have %+v", want, probe)
		}
	}
	s := c.SecurityContext
	if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || s.Capabilities.Drop[0] != "ALL" || !*spec.SecurityContext.RunAsNonRoot || *spec.AutomountServiceAccountToken {
		t.Errorf("the pod may do more than it has to: %+v", s)
	}
	if c.Resources.Limits.Memory().IsZero() {
		t.Error("the pod has no limit of memory, so that the server does not see when memory is short")
	}
}

// Several pods scale by connections, leave one after the other, and never fewer
// than there were.
func TestChart_SeveralPodsScaleAndUpdateWithoutAGap(t *testing.T) {
	in := install(t, full)
	if in.deployment.Spec.Replicas != nil {
		t.Error("replicas is set beside an autoscaler")
	}
	if m := in.autoscaler.Spec.Metrics[0]; m.Pods == nil || m.Pods.Metric.Name != "fanfare_sockets" || m.Pods.Target.AverageValue.Value() != 20000 {
		t.Errorf("the autoscaler does not look at sockets: %+v", m)
	}
	if _, ok := documented(t)["fanfare_sockets"]; !ok {
		t.Error("there is no metric fanfare_sockets")
	}
	if u := in.deployment.Spec.Strategy.RollingUpdate; u == nil || u.MaxUnavailable.IntValue() != 0 || u.MaxSurge.IntValue() != 1 {
		t.Errorf("an update takes a pod away before there is another: %+v", u)
	}
	if in.budget == nil || in.budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("no budget of disruptions: %+v", in.budget)
	}
	labels := in.deployment.Spec.Template.Labels
	for _, selector := range []map[string]string{
		in.deployment.Spec.Selector.MatchLabels, in.budget.Spec.Selector.MatchLabels,
		in.network.Spec.PodSelector.MatchLabels, in.service.Spec.Selector,
	} {
		if len(selector) == 0 {
			t.Error("a selector chooses every pod")
		}
		for k, v := range selector {
			if labels[k] != v {
				t.Errorf("%s=%s is no label of the pods", k, v)
			}
		}
	}
	if !strings.Contains(in.config, "successor: true") {
		t.Errorf("clients of a pod that ends are not sent to another:\n%s", in.config)
	}
	if b := in.ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service; b.Name != in.service.Name || b.Port.Name != in.service.Spec.Ports[0].Name {
		t.Errorf("the ingress leads to %+v", b)
	}
	if b := in.route.Spec.Rules[0].BackendRefs[0]; string(b.Name) != in.service.Name || *b.Port != in.service.Spec.Ports[0].Port {
		t.Errorf("the route leads to %+v", b)
	}
}

// Metrics are for the monitoring, and the pods reach Redis.
func TestChart_NetworkPolicy(t *testing.T) {
	n := install(t, full).network.Spec
	for _, rule := range n.Ingress {
		if rule.Ports[0].Port.StrVal == "metrics" && len(rule.From) == 0 {
			t.Error("everybody may read metrics")
		}
	}
	open := map[int]bool{}
	for _, rule := range n.Egress {
		for _, p := range rule.Ports {
			open[p.Port.IntValue()] = true
		}
	}
	for _, port := range []int{53, 6379, 6380, 443} {
		if !open[port] {
			t.Errorf("pods cannot reach port %d", port)
		}
	}
}

func TestChart_OnePodIsNoClusterAndHasNoSuccessor(t *testing.T) {
	in := install(t, oneApp+"replicaCount: 1")
	if in.deployment.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || strings.Contains(in.config, "cluster:") || !strings.Contains(in.config, "successor: false") || in.budget != nil {
		t.Errorf("want a pod that is replaced, without a cluster:\n%s", in.config)
	}
}

// The rules and the dashboard in the chart are those of deploy/monitoring, with
// what Helm would take for its own templates as it is.
func TestChart_CarriesRulesAndDashboard(t *testing.T) {
	in := install(t, full)
	groups, err := yaml.Marshal(in.custom["PrometheusRule"]["spec"])
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, filepath.Join(folder, "alerts.yml"), groups)
	write(t, filepath.Join(folder, "alerts_test.yml"), read(t, "monitoring/alerts_test.yml"))
	passes(t, folder, promtool(t), "test", "rules", "alerts_test.yml")
	if strings.TrimSpace(in.dashboard) != strings.TrimSpace(string(read(t, "monitoring/dashboard.json"))) {
		t.Error("the dashboard is another")
	}
	if in.custom["PodMonitor"] == nil {
		t.Error("no PodMonitor")
	}
}

func TestChart_RefusesValuesThatCannotWork(t *testing.T) {
	for values, want := range map[string]string{
		"":     "apps",
		oneApp: "several pods need redis.addresses",
		"replicaCount: 1\nautoscaling: {enabled: true}\n" + oneApp:        "several pods need redis.addresses",
		oneApp + redis + "shutdown: {spreadSeconds: 100}":                 "shutdown.timeoutSeconds",
		oneApp + redis + "httpRoute: {enabled: true}":                     "parentRefs",
		oneApp + redis + "replicas: 3":                                    "replicas",
		"apps: [{id: chat, key: a, secretKey: b, secret: c}]\n" + redis:   "apps",
		oneApp + "redis: {addresses: ['redis']}":                          "addresses",
		oneApp + redis + "config: {apps: [{id: a}]}":                      "config",
		oneApp + redis + "autoscaling: {enabled: true, maxReplicas: '9'}": "maxReplicas",
	} {
		if _, err := render(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q want a mistake about %s, have %v", values, want, err)
		}
	}
}
