package deploy

import (
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// installed is what the chart makes of values.
type installed struct {
	deployment *appsv1.Deployment
	config     string
	autoscaler *autoscalingv2.HorizontalPodAutoscaler
	budget     *policyv1.PodDisruptionBudget
	network    *networkingv1.NetworkPolicy
	service    *corev1.Service
	ingress    *networkingv1.Ingress
	route      *gatewayv1.HTTPRoute
	dashboard  string
	custom     map[string]map[string]any // of the Prometheus operator, by kind
}

// render does what `helm template` does; err is what it would say.
func render(t *testing.T, values string) (map[string]string, error) {
	t.Helper()
	chart, err := loader.Load(filepath.Join(files, "helm/fanfare"))
	if err != nil {
		t.Fatal(err)
	}
	if err := chart.Validate(); err != nil {
		t.Fatal(err)
	}
	given, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(chart, given, chartutil.ReleaseOptions{Name: "chat", Namespace: "web", IsInstall: true}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(chart, all)
}

// install renders, and reads each object as the API server does: a field that
// there is not, or that is there twice, is a mistake.
func install(t *testing.T, values string) (in installed) {
	t.Helper()
	rendered, err := render(t, values)
	if err != nil {
		t.Fatal(err)
	}
	in.custom = map[string]map[string]any{}
	for name, text := range rendered {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for object := range strings.SplitSeq(text, "\n---\n") {
			if strings.TrimSpace(object) != "" {
				in.take(t, name, object)
			}
		}
	}
	if in.deployment == nil || in.service == nil || in.config == "" {
		t.Fatal("no Deployment, Service or ConfigMap")
	}
	return in
}

func (in *installed) take(t *testing.T, name, object string) {
	t.Helper()
	var kind struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal([]byte(object), &kind); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, object)
	}
	strict := func(into any) {
		if err := yaml.UnmarshalStrict([]byte(object), into); err != nil {
			t.Errorf("%s: %v\n%s", name, err, object)
		}
	}
	switch kind.APIVersion + " " + kind.Kind {
	case "apps/v1 Deployment":
		in.deployment = &appsv1.Deployment{}
		strict(in.deployment)
	case "v1 ConfigMap":
		var m corev1.ConfigMap
		strict(&m)
		if config := m.Data["config.yaml"]; config != "" {
			in.config = config
		}
		if board := m.Data["fanfare.json"]; board != "" {
			in.dashboard = board
		}
	case "v1 Service":
		in.service = &corev1.Service{}
		strict(in.service)
	case "v1 ServiceAccount":
		strict(&corev1.ServiceAccount{})
	case "policy/v1 PodDisruptionBudget":
		in.budget = &policyv1.PodDisruptionBudget{}
		strict(in.budget)
	case "autoscaling/v2 HorizontalPodAutoscaler":
		in.autoscaler = &autoscalingv2.HorizontalPodAutoscaler{}
		strict(in.autoscaler)
	case "networking.k8s.io/v1 NetworkPolicy":
		in.network = &networkingv1.NetworkPolicy{}
		strict(in.network)
	case "networking.k8s.io/v1 Ingress":
		in.ingress = &networkingv1.Ingress{}
		strict(in.ingress)
	case "gateway.networking.k8s.io/v1 HTTPRoute":
		in.route = &gatewayv1.HTTPRoute{}
		strict(in.route)
	case "monitoring.coreos.com/v1 PodMonitor", "monitoring.coreos.com/v1 PrometheusRule":
		var m map[string]any
		strict(&m)
		in.custom[kind.Kind] = m
	default:
		t.Errorf("%s: the test knows no %s of %s", name, kind.Kind, kind.APIVersion)
	}
}
