{{- define "fanfare.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "fanfare.fullname" -}}
{{- $name := include "fanfare.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "fanfare.selector" -}}
app.kubernetes.io/name: {{ include "fanfare.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fanfare.labels" -}}
{{ include "fanfare.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Whether the pods are nodes of a cluster; "" if not. */}}
{{- define "fanfare.clustered" -}}
{{- if .Values.redis.addresses }}true{{ end }}
{{- if and (not .Values.redis.addresses) (or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1)) }}
{{- fail "several pods need redis.addresses: without a Redis that they share, clients of one pod do not receive events from those of another. Set it, or replicaCount: 1 and autoscaling.enabled: false" }}
{{- end }}
{{- end }}

{{/* config.yaml: the settings of the chart, overridden by the value config. */}}
{{- define "fanfare.config" -}}
{{- $clustered := include "fanfare.clustered" . }}
{{- with .Values.shutdown }}
{{- if gt (add (int .delaySeconds) (int .spreadSeconds) 10) (int .timeoutSeconds) }}
{{- fail "shutdown.timeoutSeconds must be at least delaySeconds plus spreadSeconds plus 10" }}
{{- end }}
{{- end }}
{{- $apps := list }}
{{- range .Values.apps }}
{{- $apps = append $apps (omit . "secretKey") }}
{{- end }}
{{- $shutdown := dict
  "successor" (ne $clustered "")
  "delay" (printf "%ds" (int .Values.shutdown.delaySeconds))
  "spread" (printf "%ds" (int .Values.shutdown.spreadSeconds))
  "timeout" (printf "%ds" (int .Values.shutdown.timeoutSeconds)) }}
{{- $config := dict
  "listen" ":6001"
  "metrics" (dict "listen" ":9601")
  "http" (dict "trusted_proxies" .Values.trustedProxies)
  "shutdown" $shutdown
  "apps" $apps }}
{{- if $clustered }}
{{- $redis := dict "addresses" .Values.redis.addresses }}
{{- if .Values.redis.tls.enabled }}
{{- $tls := dict "enabled" true }}
{{- if .Values.redis.tls.caSecret.name }}
{{- $_ := set $tls "ca_file" (printf "/run/secrets/redis-ca/%s" .Values.redis.tls.caSecret.key) }}
{{- end }}
{{- $_ := set $redis "tls" $tls }}
{{- end }}
{{- $_ := set $config "cluster" (dict "driver" "redis" "redis" $redis) }}
{{- end }}
{{- toYaml (mustMergeOverwrite $config (deepCopy .Values.config)) }}
{{- end }}
