{{/* Names, labels and images. Names have at most 52 characters, because Kubernetes adds a suffix to those of a StatefulSet's pods. */}}

{{- define "myscheduler.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "myscheduler.fullname" -}}
{{- $name := include "myscheduler.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $full = default $full .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" $full) -}}
{{- fail (printf "%q can't name a Service, which begins with a letter and has no dots: set fullnameOverride" $full) -}}
{{- end -}}
{{ $full }}
{{- end -}}

{{- define "myscheduler.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "myscheduler.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The labels that select the pods of a component; call with (list $ COMPONENT). */}}
{{- define "myscheduler.selector" -}}
app.kubernetes.io/name: {{ include "myscheduler.name" (index . 0) | quote }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* The metadata of an object; call with (list $ NAME COMPONENT ANNOTATIONS). The chart's own labels and annotations take precedence over the common
ones. The component label distinguishes the scheduler's pod, which the Service selects, from other pods. */}}
{{- define "myscheduler.metadata" -}}
{{- $ := index . 0 -}}
name: {{ index . 1 | quote }}
namespace: {{ $.Release.Namespace | quote }}
labels:
  {{- include "myscheduler.labels" (list $ (index . 2)) | nindent 2 }}
{{- with merge (dict) (default dict (index . 3)) (default dict $.Values.commonAnnotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Call with (list $ COMPONENT). */}}
{{- define "myscheduler.labels" -}}
{{- $ := index . 0 -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" $.Chart.AppVersion
  "app.kubernetes.io/managed-by" $.Release.Service
-}}
{{- toYaml (merge $labels (include "myscheduler.selector" . | fromYaml) (default dict $.Values.commonLabels)) -}}
{{- end -}}

{{/* Call with (list IMAGE DEFAULT-TAG). */}}
{{- define "myscheduler.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default (index . 1) $image.tag }}
{{- end -}}
{{- end -}}
