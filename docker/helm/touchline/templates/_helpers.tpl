{{- define "touchline.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "touchline.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "touchline.labels" -}}
{{ include "touchline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "touchline.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "touchline.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "touchline.check" -}}
{{- if not (or .Values.storage.url .Values.storage.existingClaim) -}}
{{- fail "name where videos are kept: storage.url (s3://, gs://, az://), or storage.existingClaim of a file system that all nodes share" -}}
{{- end -}}
{{- if and .Values.storage.url .Values.storage.existingClaim -}}
{{- fail "storage.url and storage.existingClaim exclude each other" -}}
{{- end -}}
{{- if not .Values.redis.url -}}
{{- fail "name the broker: redis.url (redis://, rediss://, sentinel://, sentinels://)" -}}
{{- end -}}
{{- if and .Values.database.readUrl (not .Values.database.url) -}}
{{- fail "database.readUrl goes with database.url; where that is in the secret, so is the replica's: database.readUrlKey" -}}
{{- end -}}
{{- $scaler := .Values.database.directUrl | default .Values.database.url | default "" -}}
{{- range $kind, $values := .Values.workers -}}
{{- if and $values.enabled $values.keda.enabled -}}
{{- if contains "," (regexReplaceAll "[?].*$" $scaler "") -}}
{{- fail "KEDA takes one host: name the primary's, or a balancer's, in database.directUrl" -}}
{{- end -}}
{{- if gt (int $values.keda.minReplicas) (int $values.keda.maxReplicas) -}}
{{- fail (printf "workers.%s.keda.minReplicas is more than its maxReplicas" $kind) -}}
{{- end -}}
{{- if and (has $kind (list "background" "live")) (lt (int $values.keda.minReplicas) 1) -}}
{{- fail (printf "workers.%s.keda.minReplicas must be 1 at least: it has work that is no job, so that nothing would start it" $kind) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $api := .Values.api.autoscaling -}}
{{- if and $api.enabled (gt (int $api.minReplicas) (int $api.maxReplicas)) -}}
{{- fail "api.autoscaling.minReplicas is more than its maxReplicas" -}}
{{- end -}}
{{- $live := .Values.workers.live -}}
{{- if and $live.enabled $live.publicHost (or $live.keda.enabled (gt (int $live.replicas) 1)) -}}
{{- fail "workers.live.publicHost is one worker's address: set workers.live.replicas to 1, and keda.enabled to false" -}}
{{- end -}}
{{- end -}}

{{- /* The image of a part: (dict "root" $ "repository" "touchline-api") */ -}}
{{- define "touchline.image" -}}
{{- $image := .root.Values.image -}}
{{- $registry := ternary (printf "%s/" (trimSuffix "/" $image.registry)) "" (ne $image.registry "") -}}
image: {{ printf "%s%s:%s" $registry .repository ($image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end -}}

{{- define "touchline.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "touchline.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "touchline.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "touchline.selector" $.root | nindent 6 }}
      app.kubernetes.io/component: {{ $.component }}
{{- end }}
{{- end -}}

{{- /* The ports that URLs name, with a space after each. */ -}}
{{- define "touchline.portsOf" -}}
{{- range . -}}
{{- $hosts := regexReplaceAll "^[a-z0-9+]+://([^@/]*@)?" (default "" .) "" -}}
{{- $named := regexFindAll ":[0-9]+([,/?]|$)" $hosts -1 -}}
{{- range $named }}{{ regexFind "[0-9]+" . }} {{ end -}}
{{- if and (hasPrefix "http://" (default "" .)) (not $named) }}80 {{ end -}}
{{- end -}}
{{- end -}}
