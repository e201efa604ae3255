{{/* What Prometheus and Grafana are told. */}}

{{/* The metadata of an object with labels of its own; call with (list $ NAME LABELS). The chart's own labels take precedence. */}}
{{- define "myscheduler.monitoringMetadata" -}}
{{- $metadata := include "myscheduler.metadata" (list (index . 0) (index . 1) "monitoring" dict) | fromYaml -}}
{{- $labels := merge (dict) $metadata.labels (default dict (index . 2)) -}}
{{- toYaml (merge (dict "labels" $labels) $metadata) -}}
{{- end -}}

{{/* One path that is scraped; call with (list $ PATH INTERVAL). */}}
{{- define "myscheduler.endpoint" -}}
{{- $ := index . 0 -}}
- port: {{ ternary "metrics" "http" (not (empty $.Values.metrics.port)) }}
  path: {{ index . 1 }}
  interval: {{ index . 2 }}
  {{- with coalesce $.Values.metrics.token.existingSecret $.Values.apiToken.existingSecret }}
  authorization:
    credentials:
      name: {{ . | quote }}
      key: {{ ternary $.Values.metrics.token.key $.Values.apiToken.key (not (empty $.Values.metrics.token.existingSecret)) | quote }}
  {{- end }}
{{- end -}}

{{- define "myscheduler.checkMetrics" -}}
{{- if eq (toString .Values.metrics.port) "8003" -}}
{{- fail "metrics.port is 8003, which is the port of the API: leave it null to serve the metrics there, or choose another" -}}
{{- end -}}
{{- end -}}
