{{/* What all pods of the chart have in common: the user they run as and the nodes they may run on. */}}
{{- define "myscheduler.placement" -}}
automountServiceAccountToken: false
enableServiceLinks: false # else a Service named myscheduler would set MYSCHEDULER_PORT
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Image and security context of a container that runs the command myscheduler. */}}
{{- define "myscheduler.container" -}}
image: {{ include "myscheduler.image" (list .Values.image .Chart.AppVersion) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
terminationMessagePolicy: FallbackToLogsOnError # `kubectl describe` tells why it ended
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "myscheduler.tokenEnv" -}}
{{- with .Values.apiToken.existingSecret -}}
- name: MYSCHEDULER_API_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: {{ $.Values.apiToken.key | quote }}
{{- end }}
{{- end -}}

{{/* Where the Secret of the token is used, its key for sessions may be missing. */}}
{{- define "myscheduler.sessionEnv" -}}
{{- with coalesce .Values.sessionSecret.existingSecret .Values.apiToken.existingSecret -}}
- name: MYSCHEDULER_SESSION_SECRET
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: {{ $.Values.sessionSecret.key | quote }}
      optional: {{ not $.Values.sessionSecret.existingSecret }}
{{- end }}
{{- end -}}

{{/* Fails unless callers have credentials, because the pod would only end, again and again. */}}
{{- define "myscheduler.checkAccess" -}}
{{- $has := or .Values.apiToken.existingSecret (hasKey (include "myscheduler.files" . | fromJson) "access.yaml") -}}
{{- if and .Values.settings.insecure $has -}}
{{- fail "settings.insecure is true, so apiToken.existingSecret and access would have no effect: keep one or the other" -}}
{{- end -}}
{{- if not (or $has .Values.settings.insecure (not .Values.apiToken.required)) -}}
{{- fail (include "myscheduler.noAccess" .) -}}
{{- end -}}
{{- end -}}

{{- define "myscheduler.noAccess" -}}
{{- $secret := printf "%s-token" (include "myscheduler.fullname" .) -}}
the API needs credentials, else the service does not start. Create a token, and set apiToken.existingSecret to {{ $secret }}:
  kubectl create secret generic --namespace {{ .Release.Namespace }} {{ $secret }} --from-literal=token="$(openssl rand -hex 32)"
With an access.yaml in a source that the chart can't see, or tokens in the database, set apiToken.required to false. To let everybody who reaches the API do everything, set settings.insecure to true
{{- end -}}

{{/* All of the service's variables. Kubernetes refuses duplicate names, or uses the last. */}}
{{- define "myscheduler.env" -}}
{{- $own := include "myscheduler.ownEnv" . -}}
{{- $names := list -}}
{{- range .Values.extraEnv -}}
{{- if has .name $names -}}
{{- fail (printf "extraEnv: %s is set twice: keep one" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- if or (has .name (list "MYSCHEDULER_API_TOKEN" "MYSCHEDULER_SESSION_SECRET")) (regexMatch (printf "(?m)^- name: %s$" (regexQuoteMeta .name)) $own) -}}
{{- fail (printf "extraEnv: %s is set by the chart: use settings, database, apiToken or sessionSecret" .name) -}}
{{- end -}}
{{- end -}}
{{ $own }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "myscheduler.ownEnv" -}}
- name: TZ
  value: {{ .Values.settings.timezone | quote }}
- name: LOG_LEVEL
  value: {{ .Values.settings.logLevel }}
- name: MYSCHEDULER_LOG_FORMAT
  value: {{ .Values.settings.logFormat }}
- name: MYSCHEDULER_ACCESS_LOG
  value: {{ .Values.settings.accessLog | quote }}
- name: MYSCHEDULER_HEARTBEAT_INTERVAL
  value: {{ .Values.settings.heartbeatInterval | int64 | quote }}
- name: MYSCHEDULER_HOST
  value: {{ .Values.settings.host | quote }}
- name: MYSCHEDULER_PORT
  value: "8003"
- name: MYSCHEDULER_ALLOWED_HOSTS
  value: {{ include "myscheduler.allowedHosts" . | quote }}
- name: MYSCHEDULER_API_TOKEN_ROLE
  value: {{ .Values.settings.apiTokenRole }}
- name: MYSCHEDULER_ALLOWED_CLIENTS
  value: {{ join "," .Values.settings.allowedClients | quote }}
- name: MYSCHEDULER_TRUSTED_PROXIES
  value: {{ join "," .Values.settings.trustedProxies | quote }}
- name: MYSCHEDULER_NAME
  value: {{ .Values.settings.name | quote }}
- name: MYSCHEDULER_COLOR
  value: {{ .Values.settings.color | quote }}
- name: MYSCHEDULER_ROOT_PATH
  value: {{ .Values.settings.rootPath | quote }}
- name: MYSCHEDULER_PUBLIC_URL
  value: {{ .Values.settings.publicUrl | quote }}
- name: MYSCHEDULER_RATE_LIMIT
  value: {{ .Values.settings.rateLimit | int64 | quote }}
{{- if ne .Values.settings.senders nil }}
- name: MYSCHEDULER_SENDERS
  value: {{ .Values.settings.senders | int64 | quote }}
{{- end }}
- name: MYSCHEDULER_MAX_API_JOBS
  value: {{ .Values.settings.maxApiJobs | int64 | quote }}
- name: MYSCHEDULER_API_PRIVATE_TARGETS
  value: {{ .Values.settings.apiPrivateTargets | quote }}
- name: MYSCHEDULER_METRICS_LABELS
  value: {{ join "," .Values.metrics.labels | quote }}
{{- with .Values.metrics.port }}
- name: MYSCHEDULER_METRICS_PORT
  value: {{ . | int64 | quote }}
{{- end }}
- name: MYSCHEDULER_INSECURE
  value: {{ .Values.settings.insecure | quote }}
- name: MYSCHEDULER_JOBS_DIR
  value: {{ include "myscheduler.jobsDir" . | quote }}
- name: MYSCHEDULER_HISTORY_DAYS
  value: {{ .Values.settings.historyDays | int64 | quote }}
- name: MYSCHEDULER_HISTORY_ROWS
  value: {{ .Values.settings.historyRows | int64 | quote }}
- name: MYSCHEDULER_CONNECTION_MAX_AGE
  value: {{ .Values.settings.connectionMaxAge | int64 | quote }}
- name: MYSCHEDULER_SECRETS_DIR
  value: /etc/myscheduler/secrets
- name: DATABASE_URL
{{- if .Values.database.existingSecret }}
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret | quote }}
      key: {{ .Values.database.key | quote }}
{{- else }}
  value: sqlite:////app/data/jobs.db
{{- end }}
{{- with include "myscheduler.tokenEnv" . }}
{{ . }}
{{- end }}
{{- with include "myscheduler.sessionEnv" . }}
{{ . }}
{{- end }}
{{- end -}}

{{/* The host names under which the API may be called; the service refuses others. */}}
{{- define "myscheduler.allowedHosts" -}}
{{- $service := include "myscheduler.fullname" . -}}
{{- $inside := printf "%s.%s" $service .Release.Namespace -}}
{{- $names := list $service $inside (printf "%s.svc" $inside) (printf "%s.svc.cluster.local" $inside) -}}
{{- if .Values.ingress.enabled -}}
{{- $names = concat $names (default list .Values.ingress.hosts) -}}
{{- end -}}
{{- if .Values.httpRoute.enabled -}}
{{- $names = concat $names (default list .Values.httpRoute.hostnames) -}}
{{- end -}}
{{- concat $names (default list .Values.settings.allowedHosts) | uniq | join "," -}}
{{- end -}}

{{/* Mounts are folders, never subPath, because Kubernetes updates only whole folders. */}}
{{- define "myscheduler.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if not .Values.database.existingSecret }}
- name: data
  mountPath: /app/data
{{- end }}
{{- if .Values.gitSync.enabled }}
- name: git
  mountPath: /git
  readOnly: true
{{- else }}
- name: jobs
  mountPath: /app/jobs.d
  readOnly: true
{{- range .Values.extraConfigMaps }}
- name: {{ include "myscheduler.volumeName" . }}
  mountPath: {{ printf "/app/jobs.d/%s" . | quote }}
  readOnly: true
{{- end }}
{{- end }}
{{- if .Values.secrets.existingSecret }}
- name: secrets
  mountPath: /etc/myscheduler/secrets
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "myscheduler.volumes" -}}
- name: tmp
  emptyDir: {}
{{- if not .Values.database.existingSecret }}
- name: data
{{- if .Values.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-data" (include "myscheduler.fullname" .)) .Values.persistence.existingClaim | quote }}
{{- else }}
  emptyDir: {}
{{- end }}
{{- end }}
{{- if .Values.gitSync.enabled }}
- name: git
  emptyDir: {}
- name: git-tmp
  emptyDir: {}
{{- with .Values.gitSync.existingSecret }}
- name: git-secret
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0400 # the kubelet adds the pod's group; SSH takes no key that others may read
{{- end }}
{{- else }}
- name: jobs
  configMap:
    name: {{ include "myscheduler.jobsConfigMap" . | quote }}
{{- range .Values.extraConfigMaps }}
- name: {{ include "myscheduler.volumeName" . }}
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.secrets.existingSecret }}
- name: secrets
  secret:
    secretName: {{ . | quote }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Names of volumes are shorter than those of ConfigMaps, and have no dots. */}}
{{- define "myscheduler.volumeName" -}}
{{- printf "jobs-%s-%s" (replace "." "-" . | trunc 48 | trimSuffix "-") (sha256sum . | trunc 6) -}}
{{- end -}}

{{- define "myscheduler.gitSyncContainer" -}}
{{- $git := .Values.gitSync -}}
- name: git-sync
  image: {{ include "myscheduler.image" (list $git.image "") | quote }}
  imagePullPolicy: {{ $git.image.pullPolicy }}
  args:
    - {{ printf "--repo=%s" $git.repo | quote }}
    - {{ printf "--ref=%s" $git.ref | quote }}
    - --root=/git
    - --link=current
    - {{ printf "--period=%s" $git.period | quote }}
    - --max-failures=-1 # while the repository can't be reached, the jobs that are there go on
    - --stale-worktree-timeout=1m # what is being read stays
    {{- if $git.existingSecret }}
    {{- if eq (include "myscheduler.gitOverSsh" .) "true" }}
    - --ssh-key-file=/etc/git-secret/ssh
    - --ssh-known-hosts-file=/etc/git-secret/known_hosts
    {{- else }}
    - {{ printf "--username=%s" $git.username | quote }}
    - --password-file=/etc/git-secret/password
    {{- end }}
    {{- end }}
    {{- range $git.extraArgs }}
    - {{ . | quote }}
    {{- end }}
  {{- with $git.extraEnv }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $git.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $git.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - name: git
      mountPath: /git
    - name: git-tmp
      mountPath: /tmp
    {{- if $git.existingSecret }}
    - name: git-secret
      mountPath: /etc/git-secret
      readOnly: true
    {{- end }}
    {{- with $git.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
