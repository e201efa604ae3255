{{/* Where jobs come from. */}}

{{/* The files of the chart's jobs as a JSON object, name → text; {} if there are none. Call with the root. */}}
{{- define "myscheduler.files" -}}
{{- $ := . -}}
{{- $files := dict -}}
{{- range $name, $job := .Values.jobs -}}
{{- if not (kindIs "invalid" $job) -}}
{{- $key := include "myscheduler.key" $name -}}
{{- if regexMatch (include "myscheduler.reserved" .) $key -}}
{{- fail (printf "jobs: %q would become the file %s, which is reserved: rename the job, or use `policy:`, `access:`, `notifications:` or `calendars:` at the top of the values" $name $key) -}}
{{- end -}}
{{- if hasKey $files $key -}}
{{- fail (printf "jobs: %q becomes the file %s, and so does another name: rename one of them" $name $key) -}}
{{- end -}}
{{- $_ := set $files $key (include "myscheduler.manifest" (list $name $job)) -}}
{{- end -}}
{{- end -}}
{{- range $glob := .Values.jobFiles -}}
{{- $paths := include "myscheduler.paths" (list $ $glob) | fromJsonArray -}}
{{- $root := 99 -}}
{{- range $path := $paths -}}
{{- $root = min $root (len (splitList "/" $path)) -}}
{{- end -}}
{{- range $path := $paths -}}
{{- if and (regexMatch (include "myscheduler.reserved" $) (base $path)) (gt (len (splitList "/" $path)) (int $root)) -}}
{{- fail (printf "jobFiles: %s is allowed at the root of the manifests only: move it there, or rename it" $path) -}}
{{- end -}}
{{- $text := $.Files.Get $path -}}
{{- if ne $text (index (dict "text" $text | toJson | fromJson) "text") -}}
{{- fail (printf "jobFiles: %s is not UTF-8: save it as UTF-8" $path) -}}
{{- end -}}
{{- $key := include "myscheduler.fileKey" $path -}}
{{- if and (hasKey $files $key) (ne (get $files $key) $text) -}}
{{- fail (printf "jobFiles: %s becomes the file %s, and so does another file or job: rename one of them" $path $key) -}}
{{- end -}}
{{- $_ := set $files $key $text -}}
{{- end -}}
{{- if not $paths -}}
{{- fail (printf "jobFiles: %q matches no .yaml or .yml file of the chart: write paths from the chart's root, such as jobs.d/*.yaml, and check .helmignore" $glob) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "policy" "access" "notifications" "calendars" -}}
{{- with index $.Values $name -}}
{{- $key := printf "%s.yaml" $name -}}
{{- if hasKey $files $key -}}
{{- fail (printf "%s: jobFiles already contain a %s: keep one of the two" $name $key) -}}
{{- end -}}
{{- $text := . -}}
{{- if not (kindIs "string" .) -}}
{{- $text = include "myscheduler.yaml" (list $name .) -}}
{{- end -}}
{{- $_ := set $files $key $text -}}
{{- end -}}
{{- end -}}
{{- include "myscheduler.checkSize" $files -}}
{{- toJson $files -}}
{{- end -}}

{{/* The files of the chart that match a glob and are not hidden, as a JSON array; call with (list $ GLOB). */}}
{{- define "myscheduler.paths" -}}
{{- $paths := list -}}
{{- range $path, $_ := (index . 0).Files.Glob (index . 1) -}}
{{- if and (regexMatch "[.]ya?ml$" $path) (not (regexMatch "(^|/)[.]" $path)) -}}
{{- $paths = append $paths $path -}}
{{- end -}}
{{- end -}}
{{- toJson $paths -}}
{{- end -}}

{{/* The text of a job; call with (list NAME JOB). */}}
{{- define "myscheduler.manifest" -}}
{{- $name := index . 0 -}}
{{- $job := index . 1 -}}
{{- $place := printf "jobs: %q" $name -}}
{{- if kindIs "string" $job -}}
{{ $job }}
{{- else if kindIs "slice" $job -}}
{{- range $index, $document := $job -}}
{{- if $index -}}
---
{{ end -}}
{{ include "myscheduler.yaml" (list $place $document) }}
{{- end -}}
{{- else -}}
{{- $manifest := dict "job_id" $name -}}
{{- range $field, $value := $job -}}
{{- $_ := set $manifest $field $value -}}
{{- end -}}
{{ include "myscheduler.yaml" (list $place $manifest) }}
{{- end -}}
{{- end -}}

{{/* The text of a file for a structure of the values; call with (list PLACE STRUCTURE). */}}
{{- define "myscheduler.yaml" -}}
{{- $place := index . 0 -}}
{{- with regexFind "[{,]\"(true|false)\":" (toJson (index . 1)) -}}
{{- fail (printf "%s has the key %s, which YAML 1.1 makes of y, n, yes, no, on and off: quote it in the values, or write the manifest as text" $place (regexFind "true|false" .)) -}}
{{- end -}}
{{ include "myscheduler.lossless" (index . 1) }}
{{ end -}}

{{/* YAML that parses to the same value, also when it is indented. toYaml loses rare characters: line ends other than \n and \r, and unprintable
ones. A value with such characters is written as JSON with all of them escaped. */}}
{{- define "myscheduler.lossless" -}}
{{- $json := toJson . -}}
{{- if not (regexMatch "[\u007f-\u009f\ufeff\ufffe\uffff]|\\\\u202[89]" $json) -}}
{{ toYaml . }}
{{- else -}}
{{- range $code := concat (untilStep 127 160 1) (list 65279 65534 65535) -}}
{{- $json = replace (printf "%c" $code) (printf "\\u%04x" $code) $json -}}
{{- end -}}
{{ $json }}
{{- end -}}
{{- end -}}

{{/* The key of a ConfigMap for a name. Characters that a key can't have are replaced, and a digest of the name keeps such keys distinct. The
service would not read names that begin with a dot. */}}
{{- define "myscheduler.key" -}}
{{- $stem := regexReplaceAll "\\.ya?ml$" . "" -}}
{{- $safe := regexReplaceAll "[^-._A-Za-z0-9]+" $stem "-" | trunc 200 | trimPrefix "-" | trimSuffix "-" -}}
{{- $safe = regexReplaceAll "^[.]+" $safe "" -}}
{{- if or (ne $safe $stem) (not $safe) -}}
{{- $safe = printf "%s-%s" (default "job" $safe) (sha256sum . | trunc 8) -}}
{{- end -}}
{{ $safe }}.yaml
{{- end -}}

{{/* Reserved file names of the source, and names that the service reports as misspellings of them. */}}
{{- define "myscheduler.reserved" -}}
^(?i)(policy|access|notifications|calendars|targets)[.]ya?ml$
{{- end -}}

{{/* The same for the path of a file. Reserved files of the source keep their names. */}}
{{- define "myscheduler.fileKey" -}}
{{- if regexMatch (include "myscheduler.reserved" .) (base .) -}}
{{ base . }}
{{- else -}}
{{- include "myscheduler.key" (replace "/" "__" .) -}}
{{- end -}}
{{- end -}}

{{/* Kubernetes refuses ConfigMaps of more than 1 MiB, but only when half of a release has been applied. */}}
{{- define "myscheduler.checkSize" -}}
{{- $total := 0 -}}
{{- range $key, $text := . -}}
{{- $total = add $total (len $text) -}}
{{- end -}}
{{- if gt (int $total) 1048576 -}}
{{- fail (printf "the manifests of jobs, jobFiles, policy, access, notifications and calendars are %d bytes, and a ConfigMap takes 1048576: put them into several ConfigMaps of your own (extraConfigMaps), or into a git repository (gitSync)" (int $total)) -}}
{{- end -}}
{{- end -}}

{{/* The folder that the service reads. */}}
{{- define "myscheduler.jobsDir" -}}
{{- if .Values.gitSync.enabled -}}
/git/{{ printf "current/%s" .Values.gitSync.path | clean }}
{{- else -}}
/app/jobs.d
{{- end -}}
{{- end -}}

{{- define "myscheduler.jobsConfigMap" -}}
{{- default (printf "%s-jobs" (include "myscheduler.fullname" .)) .Values.existingConfigMap -}}
{{- end -}}

{{/* Fails if the values name sources that exclude each other. */}}
{{- define "myscheduler.checkSources" -}}
{{- $own := ne (include "myscheduler.files" .) "{}" -}}
{{- if and $own .Values.existingConfigMap -}}
{{- fail "existingConfigMap replaces jobs, jobFiles, policy, access, notifications and calendars: use one or the other, or list the ConfigMap in extraConfigMaps" -}}
{{- end -}}
{{- if has .Values.existingConfigMap .Values.extraConfigMaps -}}
{{- fail (printf "existingConfigMap: %s is among extraConfigMaps, too, and its jobs would be declared twice: keep one of the two" .Values.existingConfigMap) -}}
{{- end -}}
{{- range .Values.extraConfigMaps -}}
{{- if regexMatch "[.]ya?ml$" . -}}
{{- fail (printf "extraConfigMaps: %s would be a folder with the name of a file: give the ConfigMap another name" .) -}}
{{- end -}}
{{- end -}}
{{- with .Values.gitSync -}}
{{- if .enabled -}}
{{- if or $own $.Values.existingConfigMap $.Values.extraConfigMaps -}}
{{- fail "gitSync replaces jobs, jobFiles, policy, access, notifications, calendars, existingConfigMap and extraConfigMaps: use one or the other" -}}
{{- end -}}
{{- if not .repo -}}
{{- fail "gitSync.enabled needs gitSync.repo" -}}
{{- end -}}
{{- if regexMatch "(^|/)\\.\\.(/|$)" .path -}}
{{- fail "gitSync.path is outside of the repository: write a folder in it, without .." -}}
{{- end -}}
{{- if regexMatch "^(?i)(https?://[^/]*|[a-z+]+://[^/@]*:[^/@]*)@" .repo -}}
{{- fail "gitSync.repo holds a user or a password, which everybody could read in the pod: write gitSync.username, and put the password into a Secret that gitSync.existingSecret names" -}}
{{- end -}}
{{- if regexMatch "^[0.smh]+$" .period -}}
{{- fail "gitSync.period is zero: write a duration such as 30s" -}}
{{- end -}}
{{- if and (eq (include "myscheduler.gitOverSsh" $) "true") (not .existingSecret) -}}
{{- fail "gitSync.repo is reached by SSH, which needs gitSync.existingSecret with the keys ssh and known_hosts" -}}
{{- end -}}
{{- if and (ne (include "myscheduler.gitOverSsh" $) "true") .existingSecret (not .username) -}}
{{- fail "gitSync.username is empty: HTTPS sends one with the password, and most hosts accept any" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "myscheduler.gitOverSsh" -}}
{{- not (regexMatch "^(?i)(https?|git|file)://" .Values.gitSync.repo) -}}
{{- end -}}
