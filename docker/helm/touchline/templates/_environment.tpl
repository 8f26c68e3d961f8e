{{- /* Who the database is: (dict "root" $ "direct" false) */ -}}
{{- define "touchline.databaseEnvironment" -}}
{{- $database := .root.Values.database -}}
{{- $secret := $database.existingSecret | default .root.Values.existingSecret -}}
{{- $url := $database.url -}}
{{- if .direct }}{{- $url = $database.directUrl | default $url -}}{{- end }}
- name: TOUCHLINE_DATABASE_URL
{{- if $url }}
  value: {{ $url | quote }}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $database.passwordKey | quote }}}}
{{- else }}
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $database.urlKey | quote }}}}
{{- end }}
{{- if $database.tls.existingSecret }}
- {name: PGSSLMODE, value: verify-full}
- {name: PGSSLROOTCERT, value: /etc/touchline/postgres/ca.crt}
{{- end }}
{{- end -}}

{{- define "touchline.replicaEnvironment" -}}
{{- $database := .Values.database -}}
{{- with $database.readUrl }}
- {name: TOUCHLINE_DATABASE_READ_URL, value: {{ . | quote }}}
{{- else }}
{{- with $database.readUrlKey }}
- name: TOUCHLINE_DATABASE_READ_URL
  valueFrom: {secretKeyRef: {name: {{ $database.existingSecret | default $.Values.existingSecret | quote }}, key: {{ . | quote }}}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "touchline.redisEnvironment" -}}
{{- $redis := .Values.redis -}}
{{- $secret := $redis.existingSecret | default .Values.existingSecret -}}
- {name: TOUCHLINE_REDIS_URL, value: {{ $redis.url | quote }}}
{{- if $redis.hasPassword }}
- name: TOUCHLINE_REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $redis.passwordKey | quote }}}}
{{- end }}
{{- if $redis.hasSentinelPassword }}
- name: TOUCHLINE_REDIS_SENTINEL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $redis.sentinelPasswordKey | quote }}}}
{{- end }}
{{- if $redis.tls.existingSecret }}
- {name: TOUCHLINE_REDIS_CA, value: /etc/touchline/redis/ca.crt}
{{- if $redis.tls.hasClientCertificate }}
- {name: TOUCHLINE_REDIS_CERT, value: /etc/touchline/redis/tls.crt}
- {name: TOUCHLINE_REDIS_KEY, value: /etc/touchline/redis/tls.key}
{{- end }}
{{- end }}
{{- end -}}

{{- define "touchline.storageEnvironment" -}}
{{- with .Values.storage.url }}
- {name: TOUCHLINE_STORAGE, value: {{ . | quote }}}
{{- end }}
{{- with .Values.storage.endpoint }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- with .Values.storage.region }}
- {name: AWS_REGION, value: {{ . | quote }}}
{{- end }}
{{- end -}}

{{- /* Of every process but the migration: (dict "root" $ "part" values "own" list) */ -}}
{{- define "touchline.environment" -}}
{{- $root := .root -}}
{{- include "touchline.databaseEnvironment" (dict "root" $root "direct" false) }}
{{- include "touchline.replicaEnvironment" $root }}
{{ include "touchline.redisEnvironment" $root }}
{{- include "touchline.storageEnvironment" $root }}
- name: TOUCHLINE_API_KEY
  valueFrom: {secretKeyRef: {name: {{ $root.Values.existingSecret | quote }}, key: api-key}}
- name: TOUCHLINE_WEBHOOK_SECRET
  valueFrom: {secretKeyRef: {name: {{ $root.Values.existingSecret | quote }}, key: webhook-secret}}
- {name: TOUCHLINE_DATA_DIR, value: /data}
- {name: TOUCHLINE_LOG_FORMAT, value: json}
- {name: HOME, value: /tmp}
{{- range .own }}
- {name: {{ .name }}, value: {{ .value | quote }}}
{{- end }}
{{- range $name, $value := $root.Values.config }}
{{- /* Helm reads numbers as floats, and writes those of seven digits as 1e+06. */ -}}
{{- if and (kindIs "float64" $value) (eq (floor $value) $value) }}{{ $value = int64 $value }}{{ end }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- with $root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- with .part.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "touchline.environmentFrom" -}}
{{- with .Values.storage.existingSecret }}
envFrom:
  - secretRef: {name: {{ . | quote }}}
{{- end }}
{{- end -}}

{{- define "touchline.certificateMounts" -}}
{{- if .Values.database.tls.existingSecret }}
- {name: postgres-tls, mountPath: /etc/touchline/postgres, readOnly: true}
{{- end }}
{{- if .Values.redis.tls.existingSecret }}
- {name: redis-tls, mountPath: /etc/touchline/redis, readOnly: true}
{{- end }}
{{- end -}}

{{- define "touchline.certificateVolumes" -}}
{{- with .Values.database.tls.existingSecret }}
- name: postgres-tls
  secret: {secretName: {{ . | quote }}, defaultMode: 288, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- with .Values.redis.tls.existingSecret }}
- name: redis-tls
  secret: {secretName: {{ . | quote }}, defaultMode: 288}
{{- end }}
{{- end -}}

{{- /* What a process writes on: (dict "root" $ "part" values) */ -}}
{{- define "touchline.mounts" -}}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
{{- if dig "shm" "sizeLimit" "" .part }}
- {name: shm, mountPath: /dev/shm}
{{- end }}
{{- if .root.Values.models.existingClaim }}
- {name: models, mountPath: /data/models}
{{- end }}
{{- include "touchline.certificateMounts" .root }}
{{- end -}}

{{- define "touchline.volumes" -}}
- name: data
{{- if .root.Values.storage.existingClaim }}
  persistentVolumeClaim: {claimName: {{ .root.Values.storage.existingClaim | quote }}}
{{- else }}
  emptyDir: {sizeLimit: {{ .part.data.sizeLimit | quote }}}
{{- end }}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- with dig "shm" "sizeLimit" "" .part }}
- name: shm
  emptyDir: {medium: Memory, sizeLimit: {{ . | quote }}}
{{- end }}
{{- with .root.Values.models.existingClaim }}
- name: models
  persistentVolumeClaim: {claimName: {{ . | quote }}}
{{- end }}
{{- include "touchline.certificateVolumes" .root }}
{{- end -}}
